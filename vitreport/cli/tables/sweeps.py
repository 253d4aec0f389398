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
from vitreport.analysis.selection import analyze_study
from vitreport.analysis.summary import Ablation, Summary
from vitreport.analysis.titles import subject_of
from vitreport.cli.console import note_lowered, print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.live import SweepView
from vitreport.cli.options import SweepOptions
from vitreport.cli.tables.runs import warn_mixed
from vitreport.data.sources import facts_in
from vitreport.errors import DamageError, ImagesError
from vitreport.formatting import Estimate, counted, listed, printable
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
    groups = {group.id: group for group in summary.groups}
    results = {plan.id: _result(plan, summary) for plan in plans}
    warn_mixed(summary.groups)
    if as_json:
        print_json([_plain(plan, results[plan.id], groups) for plan in plans])
        return
    runs = [(plan.name, result) for plan in plans if not isinstance(result := results[plan.id], Ablation)]
    if runs:
        rows = [[name, tables.outcome(group)] for name, group in runs]
        print_table(["run", "test accuracy"], rows, right=["test accuracy"], spare=())
    ablations = [result for result in results.values() if isinstance(result, Ablation)]
    for number, ablation in enumerate(ablations):
        print_text("\n" * (number > 0 or bool(runs)) + printable(ablation.name))
        content = tables.ablation(ablation)
        columns, right = list(content.columns), content.columns[len(ablation.axes) :]
        print_table(columns, map(list, content.rows), right=right, spare=columns[-2:])
        for sentence in _sentences(ablation, groups):
            print_sentence(sentence)


def _result(plan: Plan, summary: Summary) -> Ablation | Group | None:
    """Return what a summary has of a plan: an ablation, or without axes the group of its seeds."""
    if plan.axes:
        return next(ablation for ablation in summary.ablations if ablation.design == plan.id)
    return next((group for group in summary.groups if group.spec_id == plan.trials[0].spec.group), None)


def _sentences(ablation: Ablation, groups: Mapping[str, Group]) -> Iterator[str]:
    yield from (finding.sentence for finding in ablation_findings(ablation))
    subject = subject_of(ablation)
    for level in ablation.levels:
        if level.group:
            where = f"{subject}, {called(ablation.axes, level.labels)}"
            yield from (each.sentence for each in no_result(replace(groups[level.group], label=""), where))
    if ablation.baseline is None and len(ablation.levels) > 1:
        yield "no baseline: the spec's own value is not among these; choose one of them as the baseline"


def _plain(plan: Plan, result: Ablation | Group | None, groups: Mapping[str, Group]) -> dict[str, Any]:
    """Return a sweep as JSON values; differences are those from the baseline."""
    rows, sentences = [], list[str]()
    if isinstance(result, Ablation):
        sentences = list(_sentences(result, groups))
        for place, level in enumerate(result.levels):
            values = dict(zip(result.axes, (value.value for value in level.values), strict=True))
            of_level = {
                "values": values,
                "baseline": place == result.baseline,
                "difference": _difference(level.difference),
            }
            rows.append(_row(plan, level.labels, groups.get(level.group or "")) | of_level)
    else:
        rows.append({"values": {}, "baseline": False, "difference": None} | _row(plan, (), result))
    return {"id": plan.id, "name": plan.name, "rows": rows, "findings": sentences}


def _row(plan: Plan, labels: Sequence[str], group: Group | None) -> dict[str, Any]:
    runs, test = (group.runs, group.test) if group else ((), None)
    ids = [trial.id for trial in plan.trials if trial.values == labels]
    accuracies = [run.accuracies["test"] for run in runs if run.state == "done" and "test" in run.accuracies]
    diverged = [run.last_seen for run in runs if run.state == "diverged"]
    return {
        "runs": ids,
        "n": len(accuracies),
        "accuracies": accuracies,
        "mean": test and test.value,
        "interval": test and test.interval,
        "interval_kind": test.method if test and test.interval else None,
        "diverged": [{"split": each[0], "accuracy": each[1]} if each else None for each in diverged],
        "missing": len(ids) - len(accuracies) - len(diverged),
    }


def _difference(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "interval": [found.low, found.high], "shown": found.is_shown}


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
