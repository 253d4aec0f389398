"""The results of a sweep as a table for people and as plain values for programs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vitreport.analysis.sweep_findings import findings
from vitreport.analysis.sweep_summary import Row, Summary
from vitreport.cli.console import print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.format import bounds
from vitreport.errors import DamageError
from vitreport.formatting import UNVARYING, counted, listed, percent, printable
from vitreport.records.reader import Run
from vitreport.spec.sweep import shown_level
from vitreport.store.state import needs_training, trial_state
from vitreport.sweep.trials import RESULTS

MEASURED_COLUMNS = ["n", "accuracy", "95% interval"]
RESULT_COLUMNS = [*MEASURED_COLUMNS, "difference", "its 95% interval", ""]
SPARE_COLUMNS = ["its 95% interval", "difference"]
"""What the sentences below a table say as well."""


def show_summaries(summaries: Sequence[Summary], *, as_json: bool) -> None:
    """Every table on stdout, each with the sentences that follow from it; runs of which nothing is varied share one."""
    if as_json:
        print_json([plain_summary(summary) for summary in summaries])
        return
    runs = [summary for summary in summaries if not summary.axes]
    if runs:
        rows = [[summary.name, *_measured(row), _remark(row)] for summary in runs for row in summary.rows]
        print_table(["run", *MEASURED_COLUMNS, ""], rows, right=MEASURED_COLUMNS, spare=())
    for number, summary in enumerate(summary for summary in summaries if summary.axes):
        print_text("\n" * (number > 0 or bool(runs)) + printable(summary.name))
        rows = [_row(row) for row in summary.rows]
        print_table([*summary.axes, *RESULT_COLUMNS], rows, right=RESULT_COLUMNS[:-1], spare=SPARE_COLUMNS)
        for sentence in findings(summary):
            print_sentence(sentence)


def plain_summary(summary: Summary) -> dict[str, Any]:
    """A table as JSON values; differences are those from the baseline."""
    return {
        "id": summary.id,
        "name": summary.name,
        "rows": [_plain_row(summary, row) for row in summary.rows],
        "findings": findings(summary),
    }


def tell_missing(summaries: Sequence[Summary], runs: Mapping[str, Run]) -> None:
    """Say of each trial without a result why. Raises DamageError where there are any; a diverged one has its result."""
    ids = list(dict.fromkeys(run_id for summary in summaries for row in summary.rows for run_id in row.runs))
    states = {run_id: trial_state(runs.get(run_id)) for run_id in ids}
    missing = [run_id for run_id in ids if states[run_id] not in RESULTS]
    warn_each(f"{run_id}: {line}" for run_id in missing for line in _reasons(runs.get(run_id), states[run_id]))
    if missing:
        trials = f"{len(missing)} of {counted(len(ids), 'trial')} missing: {listed(missing)}"
        raise DamageError(trials, "; ".join(_ways(missing, runs)))


def _ways(missing: Sequence[str], runs: Mapping[str, Run]) -> Iterator[str]:
    """What can be done about trials that are missing."""
    states = {trial_state(runs.get(run_id)) for run_id in missing}
    if any(needs_training(runs.get(run_id), retry_failed=False) for run_id in missing):
        yield f"the same command trains {'them' if len(states) == 1 else 'those that were not begun or were cut off'}"
    if "failed" in states:
        yield "--retry-failed also trains those that failed by themselves"
    if "damaged" in states:
        yield "move the folders of damaged ones away"


def _reasons(run: Run | None, state: str) -> tuple[str, ...]:
    if run and run.record and run.record.error:
        return (run.record.error.message,)
    return run.damage if run and (state == "damaged" or run.record is None) else ()


def _row(row: Row) -> list[str]:
    return [*(shown_level([value]) for value in row.values), *_measured(row), *_compared(row), _remark(row)]


def _measured(row: Row) -> tuple[str, str, str]:
    accuracy = percent(row.mean) if row.mean is not None else ""
    interval = bounds(*row.interval) if row.interval else ""
    return str(row.count), accuracy, interval


def _compared(row: Row) -> tuple[str, str]:
    """The difference in percentage points and its interval."""
    if row.difference is None:
        return "", ""
    value, _, interval = row.difference.signed_points().partition(" (")
    return value, interval.removesuffix(")")


def _remark(row: Row) -> str:
    return "; ".join(_remarks(row))


def _remarks(row: Row) -> Iterator[str]:
    if row.is_baseline:
        yield "baseline"
    if row.count == 1:
        yield "a single run"
    elif row.is_unvarying:
        yield UNVARYING
    elif row.count == 2:
        yield "2 seeds: a wide interval"
    for how, count in Counter(map(_divergence, row.diverged)).items():
        yield f"{how} ({counted(count, 'seed')})" if count > 1 else how
    if row.missing:
        yield f"{row.missing} missing"


def _divergence(accuracy: tuple[str, float] | None) -> str:
    return f"diverged, at {percent(accuracy[1])} {accuracy[0]} before" if accuracy else "diverged in the first epoch"


def _plain_row(summary: Summary, row: Row) -> dict[str, Any]:
    found = row.difference
    return {
        "values": dict(zip(summary.axes, row.values, strict=True)),
        "runs": list(row.runs),
        "baseline": row.is_baseline,
        "n": row.count,
        "accuracies": list(row.accuracies),
        "mean": row.mean,
        "interval": list(row.interval) if row.interval else None,
        "interval_kind": None if row.interval is None else "wilson" if row.count == 1 else "t",
        "diverged": [{"split": each[0], "accuracy": each[1]} if each else None for each in row.diverged],
        "missing": row.missing,
        "difference": found
        and {
            "value": found.value,
            "interval": [found.low, found.high],
            "p_holm": found.p,
            "shown": found.is_shown,
        },
    }
