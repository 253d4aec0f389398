"""The results of sweeps as tables for people and as plain values for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from vitreport.analysis.findings import ablation_findings, no_result
from vitreport.analysis.groups import Group
from vitreport.analysis.summary import Ablation, Summary
from vitreport.analysis.titles import subject_of
from vitreport.cli.console import print_json, print_sentence, print_table, print_text, warn_each
from vitreport.errors import DamageError
from vitreport.formatting import Estimate, counted, listed, printable
from vitreport.records.reader import Run
from vitreport.report import tables
from vitreport.spec.sweep import called
from vitreport.store.run_state import RESULTS, needs_training, trial_state
from vitreport.sweep.plan import Plan


def show_sweeps(plans: Sequence[Plan], summary: Summary, *, as_json: bool) -> None:
    """Print a table of each plan with what follows from it; plans without axes share a table of runs."""
    if as_json:
        print_json([_plain(plan, summary) for plan in plans])
        return
    (section,) = summary.sections
    if section.runs:
        rows = [[name, tables.outcome(pair.group)] for name, pair in section.runs]
        print_table(["run", "test accuracy"], rows, right=["test accuracy"], spare=())
    groups = {group.id: group for group in summary.groups}
    for number, ablation in enumerate(section.ablations):
        print_text("\n" * (number > 0 or bool(section.runs)) + printable(ablation.name))
        content = tables.ablation(ablation)
        columns = list(content.columns)
        print_table(
            columns, [list(row) for row in content.rows], right=columns[len(ablation.axes) :], spare=columns[-2:]
        )
        for sentence in _sentences(ablation, groups):
            print_sentence(sentence)


def _sentences(ablation: Ablation, groups: Mapping[str, Group]) -> Iterator[str]:
    yield from (finding.sentence for finding in ablation_findings(ablation))
    subject = subject_of(ablation)
    for level in ablation.levels:
        if level.group:
            where = f"{subject}, {called(ablation.axes, level.labels)}"
            yield from (each.sentence for each in no_result(replace(groups[level.group], label=""), where))
    if ablation.baseline is None and len(ablation.levels) > 1:
        yield "no baseline: the spec's own value is not among these; choose one of them as the baseline"


def _plain(plan: Plan, summary: Summary) -> dict[str, Any]:
    """A sweep as JSON values; differences are those from the baseline."""
    (section,) = summary.sections
    groups = {group.id: group for group in summary.groups}
    ids: dict[tuple[str, ...], list[str]] = {}
    for trial in plan.trials:
        ids.setdefault(trial.values, []).append(trial.id)
    ablation = next((each for each in section.ablations if each.design == plan.id), None)
    if ablation is None:
        group = next(pair.group for name, pair in section.runs if name == plan.name)
        rows, sentences = [_plain_row(ids[()], group)], list[str]()
    else:
        sentences = list(_sentences(ablation, groups))
        rows = [
            _plain_row(
                ids[level.labels],
                groups.get(level.group or ""),
                dict(zip(ablation.axes, (value.value for value in level.values), strict=True)),
                level.difference,
                is_baseline=place == ablation.baseline,
            )
            for place, level in enumerate(ablation.levels)
        ]
    return {"id": plan.id, "name": plan.name, "rows": rows, "findings": sentences}


def _plain_row(
    run_ids: Sequence[str],
    group: Group | None,
    values: Mapping[str, Any] | None = None,
    difference: Estimate | None = None,
    *,
    is_baseline: bool = False,
) -> dict[str, Any]:
    runs = group.runs if group else ()
    test = group.test if group else None
    accuracies = [run.accuracies["test"] for run in runs if run.state == "done" and "test" in run.accuracies]
    diverged = [run.last_seen for run in runs if run.state == "diverged"]
    return {
        "values": values or {},
        "runs": list(run_ids),
        "baseline": is_baseline,
        "n": len(accuracies),
        "accuracies": accuracies,
        "mean": mean(accuracies) if accuracies else None,
        "interval": list(test.interval) if test and test.interval else None,
        "interval_kind": test.method if test and test.interval else None,
        "diverged": [{"split": each[0], "accuracy": each[1]} if each else None for each in diverged],
        "missing": len(run_ids) - len(accuracies) - len(diverged),
        "difference": difference
        and {
            "value": difference.value,
            "interval": [difference.low, difference.high],
            "p_holm": difference.p,
            "shown": difference.is_shown,
        },
    }


def refuse_missing(trial_ids: Iterable[str], runs: Mapping[str, Run]) -> None:
    """Say of each trial without a result why. Raises DamageError if there are any; a diverged one has its result."""
    ids = list(dict.fromkeys(trial_ids))
    states = {run_id: trial_state(runs.get(run_id)) for run_id in ids}
    missing = [run_id for run_id in ids if states[run_id] not in RESULTS]
    warn_each(f"{run_id}: {line}" for run_id in missing for line in _reasons(runs.get(run_id), states[run_id]))
    if not missing:
        return
    found, ways = {states[run_id] for run_id in missing}, []
    if any(needs_training(runs.get(run_id), retry_failed=False) for run_id in missing):
        which = "them" if len(found) == 1 else "those that were not begun or were cut off"
        ways.append(f"the same command trains {which}")
    if "failed" in found:
        ways.append("--retry-failed also trains those that failed by themselves")
    if "damaged" in found:
        ways.append("move the folders of damaged ones away")
    trials = f"{len(missing)} of {counted(len(ids), 'trial')} missing: {listed(missing)}"
    raise DamageError(trials, "; ".join(ways))


def _reasons(run: Run | None, state: str) -> tuple[str, ...]:
    if run and run.record and run.record.error:
        return (run.record.error.message,)
    return tuple(map(str, run.damage)) if run and (state == "damaged" or run.record is None) else ()
