"""`vitreport push`: upload a trained model to the Hugging Face Hub."""

from typing import Annotated

from vitreport.cli import options, records
from vitreport.cli.console import print_table, print_text
from vitreport.cli.options import argument, flag
from vitreport.formatting import compact
from vitreport.records.folders import check_runs_dir, find_runs
from vitreport.records.reader import read_finished
from vitreport.run_id import common_id
from vitreport.runtime import RUNS_DIR


def push(
    run: options.RunOrGroup,
    repo_id: Annotated[str, argument("Repository on the Hub: USER/NAME.", "REPO_ID")],
    private: Annotated[bool, flag("--private", "Make the repository private if it is new.")] = False,
    dry_run: Annotated[bool, flag("--dry-run", "List the files and their sizes; upload nothing.")] = False,
    runs_dir: options.RunsDir = RUNS_DIR.default,
) -> None:
    """Upload a finished run, or a group, to the Hugging Face Hub: model card, weights and records, in one commit.

    Log in first with `hf auth login`, or set HF_TOKEN.

    Example:
        vitreport push swin-digits-ea4ce545-s0 USER/swin-digits --dry-run
        vitreport push swin-digits-ea4ce545-s0 USER/swin-digits --private
    """
    check_runs_dir(runs_dir, may_lack_default=True)
    runs = read_finished(run, runs_dir)
    records.check_undamaged(runs)
    from vitreport.inference.hub import files_of, upload  # with torch

    files = files_of(runs, find_runs(run, runs_dir), repo_id)
    if dry_run:
        sizes = {path: len(of) if isinstance(of, bytes) else of.stat().st_size for path, of in files.items()}
        print_table(["file", "size"], [(path, f"{compact(size)}B") for path, size in sizes.items()], right=["size"])
        return
    print_text(upload(files, common_id([each.id for each in runs]), repo_id, private=private))
