"""`vitreport runs delete` and `vitreport runs gc`: delete runs, and remove files that are no longer needed."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vitreport.cli import completion, options
from vitreport.cli.console import note, print_json, print_table
from vitreport.cli.options import argument, flag
from vitreport.errors import BusyError, SpecError
from vitreport.formatting import compact, listed
from vitreport.records.folders import check_no_links, check_runs_dir, find_run, group_folders, run_folders
from vitreport.records.reader import read_sweeps
from vitreport.run_id import RunId
from vitreport.runtime import RUNS_DIR, cache_dir
from vitreport.store.cleanup import DEFAULT_KINDS, Kind, Removal, find_removals, remove, whole_run
from vitreport.store.run_state import is_locked
from vitreport.sweep.engines.slurm_cleanup import find_submissions


@dataclass(frozen=True)
class RemovalOptions:
    """Options of a command that removes files."""

    dry_run: Annotated[bool, flag("--dry-run", "List what would be removed, with sizes; remove nothing.")] = False
    yes: Annotated[bool, flag("--yes", "Do not ask for confirmation.", "-y")] = False
    runs_dir: options.RunsDir = RUNS_DIR.default
    as_json: options.AsJson = False

    def carry_out(self, removals: Sequence[Removal]) -> bool:
        """List the removals and carry them out if the user agrees; return whether anything was removed.

        Raises SpecError if nobody can be asked.
        """
        needs_answer = bool(removals) and not (self.dry_run or self.yes)
        if needs_answer and (self.as_json or not sys.stdin.isatty()):
            raise SpecError("cannot ask for confirmation", "use --yes to remove the files, or --dry-run to list them")
        listing = [{"path": each.path, "content": each.content, "bytes": each.bytes} for each in removals]
        size = f"{compact(sum(removal.bytes for removal in removals))}B"
        if removals and not self.as_json:
            rows = [(str(each.path), each.content, f"{compact(each.bytes)}B") for each in removals]
            print_table(["path", "content", "size"], rows, right=["size"])
        is_wanted = not self.dry_run and (not needs_answer or _agrees(f"Remove {size}?"))
        for removal in removals if is_wanted else ():
            remove(removal)
        if self.as_json:
            print_json({"dry_run": self.dry_run, "removals": listing})
        elif removals:
            note(f"removed {size}" if is_wanted else f"nothing removed; this would free {size}")
        else:
            note("nothing to remove")
        return is_wanted and bool(removals)


def _agrees(question: str) -> bool:
    with suppress(typer.Abort):  # the end of the input
        return typer.confirm(question, err=True)
    return False


@options.grouped
def delete(
    names: Annotated[list[str], argument("Ids of runs or groups.", "RUN", completion.groups)],
    removal: RemovalOptions,
) -> None:
    """Delete runs with their weights, or all runs of a group. A run that is being trained is never deleted.

    Example:
        vitreport runs delete swin-digits-ea4ce545-s0
        vitreport runs delete swin-digits-ea4ce545 --dry-run
    """
    runs_dir = removal.runs_dir
    check_runs_dir(runs_dir)
    check_no_links(map(Path, names))
    named = (each for name in names for each in group_folders(name, runs_dir) or [find_run(name, runs_dir)])
    folders = list({folder.resolve(): folder for folder in named}.values())
    if busy := [folder.name for folder in folders if is_locked(folder)]:
        raise BusyError(f"in use by another process: {listed(busy)}", "wait until the training ends, or stop it")
    if removal.carry_out([whole_run(folder) for folder in folders]):
        _note_sweeps_of(folders, runs_dir)


def _note_sweeps_of(deleted: Iterable[Path], runs_dir: Path) -> None:
    """Name the sweeps in which a trial has no attempt left."""
    left = {RunId.parse(folder.name).first_attempt for folder in run_folders(runs_dir)}
    trials = {RunId.parse(folder.name).first_attempt for folder in deleted} - left
    on_record, _ = read_sweeps(runs_dir)
    if sweeps := [each.name for each in on_record if trials & {trial.run for trial in each.trials}]:
        note(f"the trials of deleted runs count as not run in {listed(sweeps)}")


@options.grouped
def gc(
    removal: RemovalOptions,
    checkpoints: Annotated[bool, flag("--checkpoints", "Remove only the checkpoints of finished runs.")] = False,
    cache: Annotated[
        bool, flag("--cache", "Remove only decoded images that no run here used, and damaged downloads.")
    ] = False,
    weights: Annotated[
        bool, flag("--weights", "Remove only the weights of finished runs, which eval and predict need.")
    ] = False,
) -> None:
    """Remove what finished runs no longer need: checkpoints, temporary files, Slurm logs and unused decoded images.

    Records are always kept. Weights are removed only with --weights. Runs that are being trained are skipped.

    Example:
        vitreport runs gc --dry-run
        vitreport runs gc --checkpoints
    """
    check_runs_dir(removal.runs_dir)
    given: dict[Kind, bool] = {"checkpoints": checkpoints, "cache": cache, "weights": weights}
    kinds = [kind for kind, is_given in given.items() if is_given] or DEFAULT_KINDS
    removals = find_removals(removal.runs_dir, cache_dir(), kinds)
    removal.carry_out([*removals, *(find_submissions(removal.runs_dir) if kinds == DEFAULT_KINDS else ())])
