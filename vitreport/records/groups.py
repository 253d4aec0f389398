"""Runs that differ by their seed alone: a group, one result. Its id is that of its runs without the seed."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run
from vitreport.run_id import RunId


def grouped(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each group by its id: of each seed the newest attempt, in the order of the seeds."""
    groups: dict[str, dict[int, Run]] = {}
    ids = [(RunId.parse(run.id), run) for run in runs]
    for run_id, run in sorted(ids, key=lambda pair: pair[0].attempt):
        groups.setdefault(run_id.group, {})[run_id.seed] = run
    return {group: [of_seed[seed] for seed in sorted(of_seed)] for group, of_seed in sorted(groups.items())}


def read_group(name: str, runs_dir: Path) -> list[Run]:
    """The runs of a group given by its id; none where there is no such group."""
    folders = [folder for folder in run_folders(runs_dir) if RunId.parse(folder.name).group == name != folder.name]
    return grouped(map(read_run, folders)).get(name, [])


def mixed_randomness(drawn: Mapping[str, Mapping[int, str]]) -> list[str]:
    """Say of each group that several randomness versions have drawn its seeds; `drawn` maps them to their versions."""
    return [f"{group} mixes {_told(versions)}" for group, versions in drawn.items() if len(set(versions.values())) > 1]


def _told(versions: Mapping[int, str]) -> str:
    """randomness versions 1 (seeds 0, 1) and 2 (seed 2)"""
    seeds: dict[str, list[str]] = {}
    for seed, version in sorted(versions.items()):
        seeds.setdefault(version, []).append(str(seed))
    each = [f"{version} (seed{'s' * (len(own) > 1)} {', '.join(own)})" for version, own in sorted(seeds.items())]
    return f"randomness versions {' and '.join(each)}"
