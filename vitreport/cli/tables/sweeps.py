"""Sweeps as tables for people and as plain values for programs."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import vitreport
from vitreport.analysis.findings import ablation_findings
from vitreport.analysis.selection import Analysis
from vitreport.analysis.summary import Ablation, Summary
from vitreport.cli.console import print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.options import SweepOptions
from vitreport.cli.tables.runs import warn_mixed
from vitreport.errors import DamageError, VitreportError, left_out
from vitreport.formatting import counted, listed, printable
from vitreport.report import tables
from vitreport.store.run_state import RESULTS, trial_state
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.plan import Plan, Trial, read_trials
from vitreport.sweep.run import Policy

WAYS = {
    "failed": "--retry-failed trains those that failed with an error",
    "damaged": "move the directories of damaged ones away",
}


def sweep_arguments(options: SweepOptions) -> dict[str, Any]:
    """Return the arguments of the Python API for options of a sweep."""
    return {
        "runtime": options.runtime(),
        "engine": partial(LocalEngine, options.jobs, argv=sys.argv[1:]),
        "policy": Policy(options.retry_failed, options.fail_fast),
    }


def show_sweeps(plans: Sequence[Plan], analysis: Analysis, *, as_json: bool) -> None:
    """Print a table of each plan with what follows from it. Plans without axes share a table of runs."""
    summary = analysis.summary
    warn_mixed(summary.groups)
    if as_json:
        print_json(vitreport.render(analysis, "json").rstrip())
        return
    groups = {group.spec_id: group for group in summary.groups}
    ablations = {ablation.design: ablation for ablation in summary.ablations}
    if runs := [plan for plan in plans if not plan.axes]:
        outcomes = [[plan.name, tables.outcome(groups.get(plan.trials[0].spec.group))] for plan in runs]
        print_table(["run", "test accuracy"], outcomes, right=["test accuracy"], spare=())
    for number, plan in enumerate(plan for plan in plans if plan.axes):
        print_text("\n" * (number > 0 or bool(runs)) + printable(plan.name))
        content = tables.ablation(ablations[plan.id])
        columns = content.columns
        print_table(columns, content.rows, right=columns[len(plan.axes) :], spare=columns[-2:])
        for sentence in (content.note, *_sentences(ablations[plan.id], summary)):
            print_sentence(sentence)


def _sentences(ablation: Ablation, summary: Summary) -> Iterator[str]:
    yield from (each.sentence for each in ablation_findings(ablation, {group.id: group for group in summary.groups}))
    if ablation.baseline is None and len(ablation.levels) > 1:
        yield "no baseline: the spec's own value is not among these; choose one of them as the baseline"


def refuse_missing(trials: Sequence[Trial], runs_dir: Path, faults: Mapping[str, VitreportError]) -> None:
    """Warn of each trial without a result; a diverged one has its result.

    Raises the error of what was left out if there are `faults`, else DamageError if there are such trials.
    """
    runs = read_trials(trials, runs_dir)
    states = {trial.id: trial_state(runs.get(trial.id)) for trial in trials}
    missing = {run_id: state for run_id, state in states.items() if state not in RESULTS}
    lines = []
    for run in (runs[run_id] for run_id in missing if run_id in runs):
        reasons = [run.record.error.message] if run.record and run.record.error else run.damage
        lines += [f"{run.id}: {reason}" for reason in reasons]
    warn_each(lines)
    if faults:
        raise left_out(faults)
    if missing:
        ways = dict.fromkeys(WAYS.get(state, "the same command trains the others") for state in missing.values())
        counts = f"{len(missing)} of {counted(len(trials), 'trial')} missing: {listed(list(missing))}"
        raise DamageError(counts, "; ".join(ways))
