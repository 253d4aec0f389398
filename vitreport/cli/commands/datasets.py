"""`vitreport datasets`: list the datasets, or verify one."""

from typing import Annotated

import typer

from vitreport.cli import completion, options
from vitreport.cli.console import note, print_json, print_table
from vitreport.cli.live import View
from vitreport.cli.options import argument, option
from vitreport.data.registry import DATASETS
from vitreport.errors import DatasetError
from vitreport.runtime import cache_dir, data_dirs_or_default

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_datasets(data_dirs: options.DataDirs = None, as_json: options.AsJson = False) -> None:
    """List the built-in datasets and the files that vitreport looks for.

    Example:
        vitreport datasets list
    """
    if as_json:
        print_json({"datasets": list(DATASETS.values())})
        return
    rows = [
        (each.name, each.summary, str(each.num_classes), f"{each.train_count:,} + {each.test_count:,}", each.places)
        for each in DATASETS.values()
    ]
    columns = ["dataset", "description", "classes", "train + test", "files"]
    print_table(columns, rows, right=["classes", "train + test"])
    note(f"files are searched for in {', then '.join(map(str, data_dirs_or_default(data_dirs)))} (--data-dir)")
    note("your own images: --dataset PATH, a directory with train/CLASS/ and test/CLASS/, CLASS/, or a labels.csv")


@app.command()
def verify(
    name: Annotated[str, argument("Name of a dataset, or path of an image folder.", "NAME", completion.datasets)],
    image_size: Annotated[int | None, option("Size of the decoded images (default: their own).", "N", least=8)] = None,
    data_dirs: options.DataDirs = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Check a dataset: counts, sizes, checksums and duplicates.

    Example:
        vitreport datasets verify digits
        vitreport datasets verify ./photos --image-size 64
    """
    from vitreport.data.verify import verify as verify_dataset

    folders = data_dirs_or_default(data_dirs)
    with View(quiet=quiet) as view:
        checks = verify_dataset(name, folders, cache_dir(), image_size, view.note, view.progress)
    if as_json:
        print_json({"checks": checks})
    else:
        verdicts = ["problem" if not check.ok else "note" if check.is_notable else "ok" for check in checks]
        rows = [(check.name, verdict, check.detail) for check, verdict in zip(checks, verdicts, strict=True)]
        print_table(["check", "", "found"], rows)
    if failed := [check.name for check in checks if not check.ok]:
        raise DatasetError(f"{name} is incomplete or damaged: {', '.join(failed)}", "see the table for what was found")
