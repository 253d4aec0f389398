"""What follows from the table of a sweep, in sentences that carry their uncertainty."""

from collections.abc import Iterator

from vitreport.analysis.sweep_summary import Row, Summary, is_comparable
from vitreport.formatting import UNVARYING, Estimate
from vitreport.spec.sweep import called, shown_level


def findings(summary: Summary) -> list[str]:
    """One sentence for each row that there is something to say of; no claim is without its interval."""
    return [*_differences(summary), *_reservations(summary)]


def _differences(summary: Summary) -> Iterator[str]:
    baseline = summary.baseline
    for row in summary.rows:
        if row.difference is None:
            continue
        assert baseline is not None
        yield _difference(called(summary.axes, row.values), row, row.difference, baseline)


def _difference(name: str, row: Row, found: Estimate, baseline: Row) -> str:
    other = shown_level(baseline.values)
    if not found.is_shown:
        return f"{name}: no difference from {other} shown ({found.signed_evidence()})"
    side = "above" if found.value > 0 else "below"
    return f"{name} is {found.points()} {side} {other} ({found.evidence()})"


def _reservations(summary: Summary) -> Iterator[str]:
    for row in summary.rows:
        name = called(summary.axes, row.values) or summary.name
        if summary.baseline and is_comparable(summary.baseline) and _is_without_noise(row):
            yield f"{name}: {UNVARYING}, nor do the baseline's: no difference is claimed"
    if any(len(row.runs) == 1 for row in summary.rows):
        yield "single runs, with intervals over the test images: no difference is claimed; --seeds 3 tells more"
    elif summary.baseline is None and len(summary.rows) > 1:
        yield "no baseline: the spec's own value is not among these; choose one of them as the baseline"


def _is_without_noise(row: Row) -> bool:
    return is_comparable(row) and not row.is_baseline and row.difference is None
