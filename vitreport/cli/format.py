"""Numbers as people read them. Every function is pure and returns text."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitreport.formatting import compact, toml_lines
from vitreport.spec.compose import flat

SPARKS = "▁▂▃▄▅▆▇█"
TRAIN_AGAIN = "to train a seed again, use `vitreport train --force`"


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
