"""Numbers as people read them. Every function is pure and returns text."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitreport.formatting import compact, percent, toml_lines
from vitreport.intervals import wilson_interval
from vitreport.records.measurement import Measurement
from vitreport.spec.compose import flat

SPARKS = "▁▂▃▄▅▆▇█"
TRAIN_AGAIN = "to train a seed again, use `vitreport train --force`"


def accuracy_interval(measured: Measurement) -> tuple[float, float]:
    """The Wilson interval of one run's accuracy over the images of a split."""
    return wilson_interval(measured.correct, measured.count)


def bounds(low: float, high: float) -> str:
    """95.32% to 98.68%"""
    return f"{percent(low)} to {percent(high)}"


def interval(measured: Measurement) -> str:
    """95% interval 95.32% to 98.68%"""
    return f"95% interval {bounds(*accuracy_interval(measured))}"


def spec_rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each field of a spec and its value; what does not fit into a line has rows without a name below it."""
    told = ((path, toml_lines(value)) for path, value in flat(values).items())
    return [row for path, (first, *more) in told for row in ((path, first), *(("", line) for line in more))]


def flops(forward: int, training: int) -> str:
    """55.1M forward, 165M training"""
    return f"{compact(forward)} forward, {compact(training)} training"


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest `width` values as bars between the smallest and the largest of them."""
    shown = values[-width:]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(SPARKS[round((value - low) / span * (len(SPARKS) - 1))] for value in shown)
