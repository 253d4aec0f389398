"""Analyze what a user names: runs, groups and sweeps in a folder, or a study."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.analysis.analyze import Outline, analyze
from vitreport.analysis.claims import Claim
from vitreport.analysis.details import Damage
from vitreport.analysis.outline import Plans, claims_of, outline_of
from vitreport.analysis.preliminary import RULES, without
from vitreport.analysis.selection import read_designs, select, select_designs, select_groups, select_runs
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.records.folders import strays
from vitreport.run_id import RunId
from vitreport.spec.compose import Describe
from vitreport.spec.data import Lowered
from vitreport.sweep.studies import StudyRequest, plan_study


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
    folders = select(names, runs_dir, designs)
    outline = Outline(select_designs(names, runs_dir, designs))
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
        folders = select_groups({trial.spec.group for trial in trials}, runs_dir)
    else:
        folders = select_runs({trial.id for trial in trials}, runs_dir)
    claims = claims_of(study, plans, asked.command, published, asked.assignments)
    return Analysis(analyze(folders, outline), claims, study.title, lowered=planned.lowered)


def _first_attempt(run_id: str) -> str:
    return RunId.parse(run_id).first_attempt
