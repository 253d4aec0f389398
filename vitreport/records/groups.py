"""Runs that differ by their seed alone: a group, one result. Its id is that of its runs without the seed."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run

RUN_ID = re.compile(r"(?P<group>.+)-s(?P<seed>[0-9]+)(?:-r(?P<attempt>[0-9]+))?\Z")


def group_of(run_id: str) -> str:
    """`swin-digits-0123abcd` of `swin-digits-0123abcd-s4` and of `swin-digits-0123abcd-s4-r2`."""
    match = RUN_ID.match(run_id)
    return match["group"] if match else run_id


def seed_of(run_id: str) -> int:
    """The seed that an id ends with; -1 of a folder with a name of its own."""
    match = RUN_ID.match(run_id)
    return int(match["seed"]) if match else -1


def grouped(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each group by its id: of each seed the newest attempt, in the order of the seeds."""
    groups: dict[str, dict[int, Run]] = {}
    for run in sorted(runs, key=lambda run: _attempt(run.id)):
        groups.setdefault(group_of(run.id), {})[seed_of(run.id)] = run
    return {group: [of_seed[seed] for seed in sorted(of_seed)] for group, of_seed in sorted(groups.items())}


def read_group(name: str, runs_dir: Path) -> list[Run]:
    """The runs of a group given by its id; none where there is no such group."""
    folders = [folder for folder in run_folders(runs_dir) if group_of(folder.name) == name != folder.name]
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


def _attempt(run_id: str) -> int:
    match = RUN_ID.match(run_id)
    return int(match["attempt"] or 1) if match else 1
