"""Train sweeps and print their results as tables for people and as plain values for programs."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import vitreport
from vitreport.analysis.findings import ablation_findings, no_result
from vitreport.analysis.groups import Group
from vitreport.analysis.references import subject_of
from vitreport.analysis.selection import analyze_study
from vitreport.analysis.summary import Ablation, Summary
from vitreport.cli.console import note_lowered, print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.live import SweepView
from vitreport.cli.options import SweepOptions
from vitreport.cli.tables.runs import warn_mixed
from vitreport.data.sources import facts_in
from vitreport.errors import DamageError, ImagesError
from vitreport.formatting import counted, listed, printable
from vitreport.report import tables
from vitreport.spec.sweep import called
from vitreport.store.run_state import RESULTS, trial_state
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.record import read_trials
from vitreport.sweep.run import Policy
from vitreport.sweep.study_plan import StudyRequest, plan_study

WAYS = {
    "failed": "--retry-failed trains those that failed with an error",
    "damaged": "move the folders of damaged ones away",
}


def ablate_and_show(plan: Plan, options: SweepOptions) -> None:
    """Train what is missing of an ablation and print its results. Raises DamageError if trials are missing."""
    with SweepView(quiet=options.quiet) as view:
        summary = vitreport.ablate(plan, {}, observer=view, **_arguments(options))
    show_sweeps([plan], summary, as_json=options.as_json)
    refuse_missing(plan.trials, options.runs_dir)


def run_study_and_show(asked: StudyRequest, options: SweepOptions) -> None:
    """Train what is missing of a study and print its results.

    Raises DamageError if trials are missing, ImagesError if parts are left out because they lack their images.
    """
    describe, failure = facts_in(options.data_dirs), None
    planned = plan_study(asked, describe)
    if not options.quiet:
        note_lowered(planned.lowered)
    try:
        with SweepView(quiet=options.quiet) as view:
            dirs = options.data_dirs or ()
            analysis = vitreport.run_study(asked, observer=view, data_dirs=dirs, **_arguments(options))
    except ImagesError as error:
        if len(planned.available) + len(planned.unavailable) == 1:
            raise
        failure, asked = error, replace(asked, only=list(planned.available))
        analysis = analyze_study(asked, options.runs_dir, describe)
    plans, lacking = planned.available.values(), failure.causes if failure else ()
    show_sweeps(list(plans), analysis.summary, as_json=options.as_json)
    trials = {trial.id: trial for plan in plans for trial in plan.trials if trial.spec.data.dataset not in lacking}
    refuse_missing(list(trials.values()), options.runs_dir)
    if failure:
        raise failure


def _arguments(options: SweepOptions) -> dict[str, Any]:
    return {
        "runtime": options.runtime(),
        "engine": partial(LocalEngine, options.jobs, argv=sys.argv[1:]),
        "policy": Policy(options.retry_failed, options.fail_fast),
    }


def show_sweeps(plans: Sequence[Plan], summary: Summary, *, as_json: bool) -> None:
    """Print a table of each plan with what follows from it. Plans without axes share a table of runs."""
    warn_mixed(summary.groups)
    groups = {group.spec_id: group for group in summary.groups}
    ablations = {ablation.design: ablation for ablation in summary.ablations}
    sentences = {plan.id: list(_sentences(ablations[plan.id], summary)) if plan.axes else [] for plan in plans}
    if as_json:
        print_json([_plain(plan, groups, ablations.get(plan.id), sentences[plan.id]) for plan in plans])
        return
    if runs := [plan for plan in plans if not plan.axes]:
        outcomes = [[plan.name, tables.outcome(groups.get(plan.trials[0].spec.group))] for plan in runs]
        print_table(["run", "test accuracy"], outcomes, right=["test accuracy"], spare=())
    for number, plan in enumerate(plan for plan in plans if plan.axes):
        print_text("\n" * (number > 0 or bool(runs)) + printable(plan.name))
        content = tables.ablation(ablations[plan.id])
        columns = content.columns
        print_table(columns, content.rows, right=columns[len(plan.axes) :], spare=columns[-2:])
        for sentence in sentences[plan.id]:
            print_sentence(sentence)


def _sentences(ablation: Ablation, summary: Summary) -> Iterator[str]:
    yield from (finding.sentence for finding in ablation_findings(ablation))
    groups = {group.id: replace(group, label="") for group in summary.groups}
    for level in ablation.levels:
        if level.group:
            where = f"{subject_of(ablation)}, {called(ablation.axes, level.labels)}"
            yield from (each.sentence for each in no_result(groups[level.group], where))
    if ablation.baseline is None and len(ablation.levels) > 1:
        yield "no baseline: the spec's own value is not among these; choose one of them as the baseline"


def _plain(
    plan: Plan, groups: Mapping[str, Group], ablation: Ablation | None, sentences: Sequence[str]
) -> dict[str, Any]:
    """Return a sweep as JSON values; differences are those from the baseline."""
    differences = {level.labels: level.difference for level in ablation.levels} if ablation else {}
    rows = []
    for labels in dict.fromkeys(trial.values for trial in plan.trials):
        trials = [trial for trial in plan.trials if trial.values == labels]
        group, found = groups.get(trials[0].spec.group), differences.get(labels)
        runs, test = (group.runs, group.test) if group else ((), None)
        accuracies = [run.accuracies["test"] for run in runs if run.state == "done" and "test" in run.accuracies]
        diverged = [run.last_seen for run in runs if run.state == "diverged"]
        row = {
            "values": plan.values(labels),
            "runs": [trial.id for trial in trials],
            "baseline": labels == plan.baseline,
            "n": len(accuracies),
            "accuracies": accuracies,
            "mean": test and test.value,
            "interval": test and test.interval,
            "interval_kind": test.method if test and test.interval else None,
            "diverged": [{"split": seen[0], "accuracy": seen[1]} if seen else None for seen in diverged],
            "missing": len(trials) - len(accuracies) - len(diverged),
            "difference": found and {"value": found.value, "interval": found.interval, "shown": found.is_shown},
        }
        rows.append(row)
    return {"id": plan.id, "name": plan.name, "rows": rows, "findings": sentences}


def refuse_missing(trials: Sequence[Trial], runs_dir: Path) -> None:
    """Warn of each trial without a result. Raises DamageError if there are any; a diverged trial has its result."""
    runs = read_trials(trials, runs_dir)
    states = {trial.id: trial_state(runs.get(trial.id)) for trial in trials}
    missing = {run_id: state for run_id, state in states.items() if state not in RESULTS}
    lines = []
    for run in (runs[run_id] for run_id in missing if run_id in runs):
        reasons = [run.record.error.message] if run.record and run.record.error else run.damage
        lines += [f"{run.id}: {reason}" for reason in reasons]
    warn_each(lines)
    if missing:
        ways = dict.fromkeys(WAYS.get(state, "the same command trains the others") for state in missing.values())
        counts = f"{len(missing)} of {counted(len(trials), 'trial')} missing: {listed(list(missing))}"
        raise DamageError(counts, "; ".join(ways))
