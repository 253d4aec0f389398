"""Analyze what a user names: runs, groups and sweeps in a folder, or a study."""

import difflib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.analysis.analyze import Outline, analyze
from vitreport.analysis.claims import Claim
from vitreport.analysis.groups import Group
from vitreport.analysis.outline import Plans, claims_of, outline_of
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.formatting import did_you_mean
from vitreport.records.folders import find_run, run_folders, strays
from vitreport.records.reader import Damage, Run, read_sweeps
from vitreport.records.sweeps import SWEEPS_FOLDER, SweepRecord
from vitreport.run_id import RunId
from vitreport.spec.compose import Describe
from vitreport.spec.data import Lowered
from vitreport.sweep.studies import StudyRequest, plan_study

MOST_NEAR = 5
SIZES = ("data.limit", "train.epochs")


@dataclass(frozen=True)
class Analysis:
    """What is known of the runs that were named.

    Attributes:
        summary: All results.
        claims: The published claims of a study, by which these are judged.
        title: The title of a study.
        left_out: The groups that are not shown since they are try-outs.
        lowered: The batch sizes that a study lowered for small datasets.
    """

    summary: Summary
    claims: Sequence[Claim] = ()
    title: str | None = None
    left_out: Sequence[str] = ()
    lowered: frozenset[Lowered] = frozenset()


def analyze_runs(names: Sequence[str], runs_dir: Path, *, without_tryouts: bool = False) -> Analysis:
    """Analyze the runs, groups and sweeps that are named, or all runs, with what in the folder cannot be read.

    Raises:
        SpecError: A name means nothing.
    """
    sweeps, damage = sweeps_in(runs_dir)
    if not names:
        damage = [*(Damage(name, why) for name, why in strays(runs_dir)), *damage]
    folders = _select(names, runs_dir, sweeps)
    outline = Outline(_select_sweeps(names, runs_dir, sweeps))
    summary, left_out = analyze(folders, outline, damage), list[str]()
    # in this order, so that a lone try-out is never a main group for the second rule
    for rule in (_lone_runs, _reduced_runs) if without_tryouts else ():
        if found := rule(summary, outline.sweeps):
            groups = [group for group in summary.groups if group.id in found]
            gone = {_first_attempt(run.id) for group in groups for run in group.runs}
            folders = [folder for folder in folders if _first_attempt(folder.name) not in gone]
            specs = {group.spec_id for group in groups}  # a table of half a sweep would say that the rest was not run
            kept = tuple(sweep for sweep in outline.sweeps if not _groups(sweep) & specs)
            outline = replace(outline, sweeps=kept)
            summary = analyze(folders, outline, damage)
            left_out += sorted(found)
    return Analysis(summary, left_out=left_out)


def analyze_with_sweeps(runs: Sequence[Run]) -> Summary:
    """Analyze runs that were read already, of any folders, with the sweeps there whose trained runs are among them."""
    sweeps: list[SweepRecord] = []
    damage: list[Damage] = []
    for place in sorted({run.folder.parent for run in runs}):
        on_record, unread = sweeps_in(place)
        sweeps += _whole_sweeps([run.folder for run in runs if run.folder.parent == place], place, on_record)
        damage += unread
    return analyze(runs, Outline(tuple(sweeps)), damage)


def analyze_study(asked: StudyRequest, runs_dir: Path, describe: Describe, *, every_seed: bool = False) -> Analysis:
    """Analyze the runs and ablations of a study, whether there are records of them or not, with its claims.

    Args:
        asked: The study, its parts, seeds and overrides.
        runs_dir: The folder of the runs.
        describe: Tells the facts of a dataset.
        every_seed: Show runs with other seeds than those asked for as well; an ablation that was begun then lacks
            only what its sweep was asked to train.

    Raises:
        SpecError: The study or what is asked of it has problems.
        DatasetError: A part cannot be planned.
    """
    planned = plan_study(asked, describe)
    plans = planned.plans
    study = planned.study.only(plans) if asked.only else planned.study
    published: Plans | None = plans
    if asked.assignments:
        published = None
        with suppress(SpecError):  # the study itself cannot be trained without --set
            published = plan_study(replace(asked, assignments=()), describe).plans
    trials = [trial for plan in plans.values() for trial in plan.trials]
    outline = outline_of(study, plans, asked.command)
    if every_seed:
        begun = {sweep.id: sweep.trials for sweep in sweeps_in(runs_dir)[0]}
        sweeps = (each.model_copy(update={"trials": begun.get(each.id, each.trials)}) for each in outline.sweeps)
        outline = replace(outline, sweeps=tuple(sweeps))
        groups = {trial.spec.group for trial in trials}
        folders = [folder for folder in run_folders(runs_dir) if RunId.parse(folder.name).group in groups]
    else:
        folders = _among({trial.id for trial in trials}, run_folders(runs_dir))
    claims = claims_of(study, plans, asked.command, published, asked.assignments)
    return Analysis(analyze(folders, outline), claims, study.title, lowered=planned.lowered)


def sweeps_in(runs_dir: Path) -> tuple[list[SweepRecord], list[Damage]]:
    """Return the sweeps on record, and which of these records cannot be read."""
    unread: list[Damage] = []
    sweeps = read_sweeps(runs_dir, unread)
    return sweeps, [replace(each, place=f"{SWEEPS_FOLDER}/{each.place}") for each in unread]


def _lone_runs(summary: Summary, sweeps: Sequence[SweepRecord]) -> set[str]:
    """Return the groups that have a single run and no sweep, if other groups have several runs."""
    swept = {group for sweep in sweeps for group in _groups(sweep)}
    lone = {group.id for group in summary.groups if len(group.runs) == 1 and group.spec_id not in swept}
    return lone if len(lone) < len(summary.groups) else set()


def _reduced_runs(summary: Summary, sweeps: Sequence[SweepRecord]) -> set[str]:
    """Return the groups with fewer training images or epochs than the main group of their architecture and data set.

    The main group is the preset's, else that with most images, then most seeds, then most epochs. Accuracy does not
    count: a try-out may have the best one by luck. Nor does a size that a sweep of the group varies.
    """
    pairs: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in summary.groups:
        pairs[group.architecture, group.dataset].append(group)
    varied: dict[str, set[str]] = defaultdict(set)
    for sweep in sweeps:
        ids = _groups(sweep)
        members = [group for group in summary.groups if group.spec_id in ids]
        differing = {path for path in SIZES if len({_size(group, path) for group in members}) > 1}
        for group in members:
            varied[group.id] |= differing
    reduced = set()
    for groups in pairs.values():
        main = max(groups, key=lambda g: (g.is_preset, _size(g, SIZES[0]), len(g.runs), _size(g, SIZES[1])))
        for group in groups:
            if any(_size(group, path) < _size(main, path) for path in SIZES if path not in varied[group.id]):
                reduced.add(group.id)
    return reduced


def _groups(sweep: SweepRecord) -> set[str]:
    return {RunId.parse(trial.run).group for trial in sweep.trials}


def _size(group: Group, path: str) -> float:
    """Return a number; infinity if there is no limit."""
    value: Any = group.fields.get(path)
    return math.inf if value is None else value


def _select(names: Sequence[str], runs_dir: Path, sweeps: Sequence[SweepRecord]) -> list[Path]:
    """The folders of runs, of groups and other beginnings of ids, and of sweeps; all of them without a name.

    Raises SpecError with the nearest names where one means nothing.
    """
    folders = run_folders(runs_dir)
    if not names:
        return folders
    chosen = {folder.name: folder for name in names for folder in _named(name, folders, runs_dir, sweeps)}
    return [chosen[name] for name in sorted(chosen)]


def _named(name: str, folders: Sequence[Path], runs_dir: Path, sweeps: Sequence[SweepRecord]) -> list[Path]:
    if "/" in name or "\\" in name:
        return [find_run(name, runs_dir)]
    swept = {trial.run for sweep in sweeps if name in (sweep.id, sweep.name) for trial in sweep.trials}
    if found := _among(swept, folders) or [folder for folder in folders if folder.name.startswith(name)]:
        return found
    known = [*(RunId.parse(folder.name).group for folder in folders), *(sweep.id for sweep in sweeps)]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=MOST_NEAR, cutoff=0)
    raise SpecError(f"{name} is no run, group or sweep in {runs_dir}", did_you_mean(name, near))


def _select_sweeps(names: Sequence[str], runs_dir: Path, sweeps: Sequence[SweepRecord]) -> tuple[SweepRecord, ...]:
    """Return the sweeps that are named, and those whose trained runs are all among the named ones.

    A table of a part of a sweep would say that the rest was not run. Without a name all sweeps are wanted.
    """
    if not names:
        return tuple(sweeps)
    known = {name for sweep in sweeps for name in (sweep.id, sweep.name)}
    of_runs = [name for name in names if name not in known]
    whole = _whole_sweeps(_select(of_runs, runs_dir, sweeps) if of_runs else [], runs_dir, sweeps)
    return tuple(sweep for sweep in sweeps if {sweep.id, sweep.name} & set(names) or sweep in whole)


def _whole_sweeps(folders: Iterable[Path], runs_dir: Path, sweeps: Iterable[SweepRecord]) -> list[SweepRecord]:
    """Return the sweeps whose trained runs are all in these folders of `runs_dir`, whatever the attempts."""
    chosen = {_first_attempt(folder.name) for folder in folders}
    there = {_first_attempt(folder.name) for folder in run_folders(runs_dir)}
    trained = ((sweep, {trial.run for trial in sweep.trials} & there) for sweep in sweeps)
    return [sweep for sweep, run_ids in trained if run_ids and run_ids <= chosen]


def _among(run_ids: Collection[str], folders: Sequence[Path]) -> list[Path]:
    """The folders of these runs, with those of all their attempts."""
    return [folder for folder in folders if _first_attempt(folder.name) in run_ids]


def _first_attempt(run_id: str) -> str:
    return RunId.parse(run_id).first_attempt
