"""Groups: the runs of one spec, which differ by seed only. The id of a group is that of its runs without the seed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeVar

from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run
from vitreport.run_id import RunId


class Identified(Protocol):
    @property
    def id(self) -> str: ...


AnyRun = TypeVar("AnyRun", bound=Identified)


def grouped(runs: Iterable[AnyRun]) -> dict[str, list[AnyRun]]:
    """Return the runs of each group by its id: of each seed the newest attempt, in the order of the seeds."""
    groups: dict[str, dict[int, AnyRun]] = {}
    ids = [(RunId.parse(run.id), run) for run in runs]
    for run_id, run in sorted(ids, key=lambda pair: pair[0].attempt):
        groups.setdefault(run_id.group, {})[run_id.seed] = run
    return {group: [of_seed[seed] for seed in sorted(of_seed)] for group, of_seed in sorted(groups.items())}


def read_group(name: str, runs_dir: Path) -> list[Run]:
    """Return the runs of a group given by its id; none if there is no such group."""
    folders = [folder for folder in run_folders(runs_dir) if RunId.parse(folder.name).group == name != folder.name]
    return grouped(map(read_run, folders)).get(name, [])
