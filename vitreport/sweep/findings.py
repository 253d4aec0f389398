"""What follows from the table of a sweep, in sentences that carry their uncertainty."""

from collections.abc import Iterator

from vitreport.statistics import SIGNIFICANCE
from vitreport.sweep.summary import Comparison, Row, Summary, is_comparable


def findings(summary: Summary) -> list[str]:
    """One sentence for each row that there is something to say of; no claim is without its interval."""
    return [*_differences(summary), *_reservations(summary)]


def _differences(summary: Summary) -> Iterator[str]:
    baseline = summary.baseline
    compared = [row for row in summary.rows if row.comparison]
    for row in compared:
        assert baseline is not None
        assert row.comparison is not None
        yield _difference(_called(summary, row), row, row.comparison, baseline, len(compared))


def _difference(name: str, row: Row, found: Comparison, baseline: Row, comparisons: int) -> str:
    other = ", ".join(baseline.values)
    corrected = (
        f", p = {found.p:.2g} by Holm over {comparisons} comparisons" if comparisons > 1 else f", p = {found.p:.2g}"
    )
    counts = f"n = {row.count} and {baseline.count}"
    if not is_shown(found):
        interval = f"{100 * found.low:+.2f} to {100 * found.high:+.2f} points"
        return f"{name}: no difference from {other} shown (95% interval {interval}, {counts}{corrected})"
    side = "above" if found.difference > 0 else "below"
    low, high = sorted((abs(found.low), abs(found.high)))
    size = f"{100 * abs(found.difference):.2f} points {side} {other}"
    return f"{name} is {size} (95% interval {100 * low:.2f} to {100 * high:.2f}, {counts}{corrected})"


def is_shown(found: Comparison) -> bool:
    """A difference is shown where its interval does not hold 0, also after the correction for many comparisons."""
    return not found.low <= 0 <= found.high and found.p < SIGNIFICANCE


def _reservations(summary: Summary) -> Iterator[str]:
    for row in summary.rows:
        if row.diverged:
            seeds = f"{len(row.diverged)} of {len(row.runs)} seeds" if len(row.runs) > 1 else "its run"
            yield f"{_called(summary, row)}: {seeds} diverged"
        elif summary.baseline and is_comparable(summary.baseline) and _is_without_noise(row):
            yield f"{_called(summary, row)}: its seeds and the baseline's do not vary: no difference is claimed"
    if any(len(row.runs) == 1 for row in summary.rows):
        yield "single runs, with intervals over the test images: no difference is claimed; --seeds 3 tells more"
    elif summary.baseline is None and len(summary.rows) > 1:
        yield "nothing to compare with: the spec's own value is not among these; --baseline names one"


def _is_without_noise(row: Row) -> bool:
    return is_comparable(row) and not row.is_baseline and row.comparison is None


def _called(summary: Summary, row: Row) -> str:
    """batch_size 16"""
    return ", ".join(f"{axis} {value}" for axis, value in zip(summary.axes, row.values, strict=True))
