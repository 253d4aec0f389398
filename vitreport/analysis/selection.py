"""Select the runs and sweeps that a report is about."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from vitreport.analysis.ablations import Design
from vitreport.analysis.details import Damage
from vitreport.errors import SpecError
from vitreport.formatting import did_you_mean
from vitreport.records.folders import find_run, run_folders
from vitreport.records.sweeps import SWEEPS_FOLDER, SweepRecord, read_sweeps
from vitreport.run_id import RunId

MOST_NEAR = 5


def select(names: Sequence[str], runs_dir: Path, designs: Sequence[Design] = ()) -> list[Path]:
    """The folders of runs, of groups and other beginnings of ids, and of sweeps; all of them without a name.

    Raises SpecError with the nearest names where one means nothing.
    """
    folders = run_folders(runs_dir)
    if not names:
        return folders
    chosen = {folder.name: folder for name in names for folder in _named(name, folders, runs_dir, designs)}
    return [chosen[name] for name in sorted(chosen)]


def select_designs(names: Sequence[str], runs_dir: Path, designs: Sequence[Design]) -> tuple[Design, ...]:
    """Return the sweeps that are named, and those whose trained runs are all among the named ones.

    A table of a part of a sweep would say that the rest was not run. Without a name all sweeps are wanted.
    """
    if not names:
        return tuple(designs)
    sweeps = {name for design in designs for name in (design.id, design.name)}
    of_runs = [name for name in names if name not in sweeps]
    folders = select(of_runs, runs_dir, designs) if of_runs else []
    chosen, there = _first_attempts(folders), _first_attempts(run_folders(runs_dir))
    trained = [{run_id for _, run_id in design.trials} & there for design in designs]
    return tuple(
        design
        for design, ids in zip(designs, trained, strict=True)
        if {design.id, design.name} & set(names) or (ids and ids <= chosen)
    )


def _first_attempts(folders: Iterable[Path]) -> set[str]:
    return {RunId.parse(folder.name).first_attempt for folder in folders}


def select_runs(run_ids: Collection[str], runs_dir: Path) -> list[Path]:
    """The folders of these runs, with those of all their attempts."""
    return _among(run_ids, run_folders(runs_dir))


def select_groups(groups: Collection[str], runs_dir: Path) -> list[Path]:
    """The folders of all runs of these groups, whatever their seeds."""
    return [folder for folder in run_folders(runs_dir) if RunId.parse(folder.name).group in groups]


def read_designs(runs_dir: Path) -> tuple[tuple[Design, ...], list[Damage]]:
    """Return what the sweeps on record varied, and which of these records cannot be read."""
    unread: list[str] = []
    designs = tuple(map(design_of, read_sweeps(runs_dir, unread)))
    lines = (line.partition(": ") for line in unread)
    return designs, [Damage(f"{SWEEPS_FOLDER}/{place}", why) for place, _, why in lines]


def design_of(record: SweepRecord) -> Design:
    trials = tuple((trial.values, trial.run) for trial in record.trials)
    return Design(record.id, record.name, record.axes, trials, record.baseline, "sweep")


def _named(name: str, folders: Sequence[Path], runs_dir: Path, designs: Sequence[Design]) -> list[Path]:
    if "/" in name or "\\" in name:
        return [find_run(name, runs_dir)]
    swept = {run_id for design in designs if name in (design.id, design.name) for _, run_id in design.trials}
    if found := _among(swept, folders):
        return found
    if found := [folder for folder in folders if folder.name.startswith(name)]:
        return found
    known = [*(RunId.parse(folder.name).group for folder in folders), *(design.id for design in designs)]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=MOST_NEAR, cutoff=0)
    raise SpecError(f"{name} is no run, group or sweep in {runs_dir}", did_you_mean(name, near))


def _among(run_ids: Collection[str], folders: Sequence[Path]) -> list[Path]:
    return [folder for folder in folders if RunId.parse(folder.name).first_attempt in run_ids]
