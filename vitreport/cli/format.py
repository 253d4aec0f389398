"""Numbers as people read them. Every function is pure and returns text."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitreport.formatting import compact, toml_value
from vitreport.spec.fields import flat

LINE_CHARACTERS = 80
SPARKS = "▁▂▃▄▅▆▇█"
TRAIN_AGAIN = "to train a seed again, use `vitreport train --force`"


def spec_rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each field of a spec and its value; what does not fit into a line has rows without a name below it."""
    told = ((path, toml_lines(value)) for path, value in flat(values).items())
    return [row for path, (first, *more) in told for row in ((path, first), *(("", line) for line in more))]


def toml_lines(value: Any) -> list[str]:
    """As `toml_value`, but tables, and lists of them, that are longer than a line go over several."""
    line = toml_value(value)
    if len(line) <= LINE_CHARACTERS:
        return [line]
    if isinstance(value, dict):
        return _table_lines(value)
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        items = [toml_lines(item) for item in value]
        return ["[", *(f"  {line}" for *most, last in items for line in (*most, f"{last},")), "]"]
    return [line]


def _table_lines(table: dict[str, Any]) -> list[str]:
    lines = ["{"]
    for number, (key, value) in enumerate(table.items()):
        first, *more = toml_lines(value)
        lines[-1] += "," * (number > 0)
        if len(lines[-1]) + len(f" {key} = {first}") <= LINE_CHARACTERS:
            lines[-1] += f" {key} = {first}"
        else:
            lines.append(f"  {key} = {first}")
        lines += more
    lines[-1] += " }"
    return lines


def flops(forward: int, training: int) -> str:
    """55.1M forward, 165M training"""
    return f"{compact(forward)} forward, {compact(training)} training"


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest `width` values as bars between the smallest and the largest of them."""
    shown = values[-width:]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(SPARKS[round((value - low) / span * (len(SPARKS) - 1))] for value in shown)
