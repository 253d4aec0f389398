"""Analyze what a user names: runs, groups and sweeps in a folder, or a study."""

import difflib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.analysis.analyze import Outline, analyze
from vitreport.analysis.claims import Claim
from vitreport.analysis.outline import Plans, claims_of, outline_of
from vitreport.analysis.preliminary import RULES, without
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.formatting import did_you_mean
from vitreport.records.folders import find_run, run_folders, strays
from vitreport.records.reader import Damage
from vitreport.records.sweeps import SWEEPS_FOLDER, SweepRecord, read_sweeps
from vitreport.run_id import RunId
from vitreport.spec.compose import Describe
from vitreport.spec.data import Lowered
from vitreport.sweep.studies import StudyRequest, plan_study

MOST_NEAR = 5


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
    for rule in RULES if without_tryouts else ():
        if found := rule(summary, outline.sweeps):
            groups = [group for group in summary.groups if group.id in found]
            gone = {_first_attempt(run.id) for group in groups for run in group.runs}
            folders = [folder for folder in folders if _first_attempt(folder.name) not in gone]
            outline = replace(outline, sweeps=without(outline.sweeps, (group.spec_id for group in groups)))
            summary = analyze(folders, outline, damage)
            left_out += sorted(found)
    return Analysis(summary, left_out=left_out)


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
    chosen = {_first_attempt(folder.name) for folder in (_select(of_runs, runs_dir, sweeps) if of_runs else [])}
    there = {_first_attempt(folder.name) for folder in run_folders(runs_dir)}
    found = []
    for sweep in sweeps:
        trained = {trial.run for trial in sweep.trials} & there
        if {sweep.id, sweep.name} & set(names) or (trained and trained <= chosen):
            found.append(sweep)
    return tuple(found)


def _among(run_ids: Collection[str], folders: Sequence[Path]) -> list[Path]:
    """The folders of these runs, with those of all their attempts."""
    return [folder for folder in folders if _first_attempt(folder.name) in run_ids]


def _first_attempt(run_id: str) -> str:
    return RunId.parse(run_id).first_attempt
