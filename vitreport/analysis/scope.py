"""Analyze what a user names: runs, groups and sweeps in a folder, or a study."""

import difflib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.analysis.ablations import Design
from vitreport.analysis.analyze import Outline, analyze
from vitreport.analysis.claims import Claim
from vitreport.analysis.details import Damage
from vitreport.analysis.outline import Plans, claims_of, outline_of
from vitreport.analysis.preliminary import RULES, without
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.formatting import did_you_mean
from vitreport.records.folders import find_run, run_folders, strays
from vitreport.records.sweeps import SWEEPS_FOLDER, read_sweeps
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
    designs, damage = read_designs(runs_dir)
    if not names:
        damage = [*(Damage(name, why) for name, why in strays(runs_dir)), *damage]
    folders = _select(names, runs_dir, designs)
    outline = Outline(_select_designs(names, runs_dir, designs))
    summary, left_out = analyze(folders, outline, damage), list[str]()
    for rule in RULES if without_tryouts else ():
        if found := rule(summary, outline.designs):
            groups = [group for group in summary.groups if group.id in found]
            gone = {_first_attempt(run.id) for group in groups for run in group.runs}
            folders = [folder for folder in folders if _first_attempt(folder.name) not in gone]
            outline = replace(outline, designs=without(outline.designs, (group.spec_id for group in groups)))
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
        begun = {design.id: design.trials for design in read_designs(runs_dir)[0]}
        designs = (replace(each, trials=begun.get(each.id, each.trials)) for each in outline.designs)
        outline = replace(outline, designs=tuple(designs))
        groups = {trial.spec.group for trial in trials}
        folders = [folder for folder in run_folders(runs_dir) if RunId.parse(folder.name).group in groups]
    else:
        folders = _among({trial.id for trial in trials}, run_folders(runs_dir))
    claims = claims_of(study, plans, asked.command, published, asked.assignments)
    return Analysis(analyze(folders, outline), claims, study.title, lowered=planned.lowered)


def read_designs(runs_dir: Path) -> tuple[tuple[Design, ...], list[Damage]]:
    """Return what the sweeps on record varied, and which of these records cannot be read."""
    unread: list[str] = []
    designs = []
    for record in read_sweeps(runs_dir, unread):
        trials = tuple((trial.values, trial.run) for trial in record.trials)
        designs.append(Design(record.id, record.name, record.axes, trials, record.baseline, "sweep"))
    lines = (line.partition(": ") for line in unread)
    return tuple(designs), [Damage(f"{SWEEPS_FOLDER}/{place}", why) for place, _, why in lines]


def _select(names: Sequence[str], runs_dir: Path, designs: Sequence[Design]) -> list[Path]:
    """The folders of runs, of groups and other beginnings of ids, and of sweeps; all of them without a name.

    Raises SpecError with the nearest names where one means nothing.
    """
    folders = run_folders(runs_dir)
    if not names:
        return folders
    chosen = {folder.name: folder for name in names for folder in _named(name, folders, runs_dir, designs)}
    return [chosen[name] for name in sorted(chosen)]


def _named(name: str, folders: Sequence[Path], runs_dir: Path, designs: Sequence[Design]) -> list[Path]:
    if "/" in name or "\\" in name:
        return [find_run(name, runs_dir)]
    swept = {run_id for design in designs if name in (design.id, design.name) for _, run_id in design.trials}
    if found := _among(swept, folders) or [folder for folder in folders if folder.name.startswith(name)]:
        return found
    known = [*(RunId.parse(folder.name).group for folder in folders), *(design.id for design in designs)]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=MOST_NEAR, cutoff=0)
    raise SpecError(f"{name} is no run, group or sweep in {runs_dir}", did_you_mean(name, near))


def _select_designs(names: Sequence[str], runs_dir: Path, designs: Sequence[Design]) -> tuple[Design, ...]:
    """Return the sweeps that are named, and those whose trained runs are all among the named ones.

    A table of a part of a sweep would say that the rest was not run. Without a name all sweeps are wanted.
    """
    if not names:
        return tuple(designs)
    sweeps = {name for design in designs for name in (design.id, design.name)}
    of_runs = [name for name in names if name not in sweeps]
    chosen = {_first_attempt(folder.name) for folder in (_select(of_runs, runs_dir, designs) if of_runs else [])}
    there = {_first_attempt(folder.name) for folder in run_folders(runs_dir)}
    found = []
    for design in designs:
        trained = {run_id for _, run_id in design.trials} & there
        if {design.id, design.name} & set(names) or (trained and trained <= chosen):
            found.append(design)
    return tuple(found)


def _among(run_ids: Collection[str], folders: Sequence[Path]) -> list[Path]:
    """The folders of these runs, with those of all their attempts."""
    return [folder for folder in folders if _first_attempt(folder.name) in run_ids]


def _first_attempt(run_id: str) -> str:
    return RunId.parse(run_id).first_attempt
