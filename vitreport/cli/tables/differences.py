"""What differs between two runs or two groups, as a table."""

from collections.abc import Sequence
from typing import Any

from vitreport.analysis.differences import Differences
from vitreport.cli.console import print_table, print_text
from vitreport.formatting import percent, rate, toml_value
from vitreport.records.measurement import METRICS

MEASURED = ("test_accuracy.", "selected.", "last.", "cost.", "throughput.", "environment.seconds")


def show_differences(names: Sequence[str], found: Differences) -> None:
    """Print a line for each path that differs, by section; the last epochs only if the selected ones are others."""
    last, selected = (
        {path.removeprefix(block): pair for path, pair in found.items() if path.startswith(block)}
        for block in ("last.", "selected.")
    )
    shown = {path: pair for path, pair in found.items() if not (last == selected and path.startswith("last."))}
    sections = list(dict.fromkeys(path.partition(".")[0] for path in shown))
    rows = [_row(path, *shown[path]) for path in sorted(shown, key=lambda path: sections.index(path.partition(".")[0]))]
    measured = ["difference"] if any(row[-1] for row in rows) else []
    columns = ["", *names, *measured]
    if rows:
        print_table(columns, [row[: len(columns)] for row in rows], right=measured)
    else:
        print_text("no difference")


def _row(path: str, first: Any, second: Any) -> tuple[str, str, str, str]:
    """Both values, and by how much the second has more of what was measured."""
    if not (path.startswith(MEASURED) and _is_number(first) and _is_number(second)):
        return path, _text(path, first), _text(path, second), ""
    size = _text(path, abs(second - first)).replace("%", " points")
    return path, _text(path, first), _text(path, second), f"{'-' if second < first else '+'}{size}"


def _text(path: str, value: Any) -> str:
    """Write a value with the digits that mean something."""
    name = path.rpartition(".")[2]
    if value is None or isinstance(value, str):
        return value or "-"
    if not (path.startswith(MEASURED) and _is_number(value)):
        return toml_value(value)
    is_share = name == "accuracy" or (name in METRICS and METRICS[name].unit == "fraction")
    if is_share or path.startswith("test_accuracy."):
        return percent(value)
    if name.endswith("images_per_second"):
        return rate(value)
    if name.endswith("seconds"):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
