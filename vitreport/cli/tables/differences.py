"""What differs between two runs or two groups, as a table."""

from pathlib import Path
from typing import Any

from vitreport.analysis.comparisons import compare_groups, compare_runs
from vitreport.analysis.groups import group_runs
from vitreport.analysis.runs import summarize_run
from vitreport.cli.console import print_json, print_sentence, print_table, print_text
from vitreport.cli.tables.runs import refuse_damage, require_runs_dir, warn_mixed
from vitreport.formatting import percent, rate, toml_value
from vitreport.records.folders import find_group, find_run
from vitreport.records.measurement import METRICS
from vitreport.records.reader import read_run
from vitreport.run_id import RunId

MEASURED = ("test_accuracy.", "selected.", "last.", "cost.", "throughput.", "environment.seconds")


def show_differences(names: tuple[str, str], runs_dir: Path, *, as_json: bool) -> None:
    """Print what differs between two runs or groups. Raises DamageError if a record is damaged."""
    require_runs_dir(runs_dir, may_lack_default=True)
    groups = {name: find_group(name, runs_dir) for name in names}
    sides = [list(map(read_run, groups[name] or [find_run(name, runs_dir)])) for name in names]
    left, right = (
        max(group_runs(list(map(summarize_run, side))), key=lambda group: len(group.seeds), default=None)
        for side in sides
    )
    if any(groups.values()):
        found, sentence = compare_groups(left, right)
    else:
        found, sentence = compare_runs(sides[0][0], sides[1][0])
    if as_json:
        print_json({"differences": found, "sentence": sentence})
    else:
        last, selected = (
            {path.removeprefix(block): pair for path, pair in found.items() if path.startswith(block)}
            for block in ("last.", "selected.")
        )
        shown = [path for path in found if not (last == selected and path.startswith("last."))]
        sections = list(dict.fromkeys(path.partition(".")[0] for path in shown))
        shown.sort(key=lambda path: sections.index(path.partition(".")[0]))
        rows = [_row(path, *found[path]) for path in shown]
        columns = ["", *(side[0].id if len(side) == 1 else RunId.parse(side[0].id).group for side in sides)]
        columns += ["difference"] if any(row[-1] for row in rows) else []
        if rows:
            print_table(columns, [row[: len(columns)] for row in rows], right=["difference"])
        else:
            print_text("no difference")
        if sentence:
            print_sentence(sentence)
    warn_mixed(group for group in (left, right) if group)
    refuse_damage([*sides[0], *sides[1]])


def _row(path: str, first: Any, second: Any) -> tuple[str, str, str, str]:
    """Return both values, and how much larger the second is if they were measured."""
    difference = ""
    if path.startswith(MEASURED) and _is_number(first) and _is_number(second):
        size = _text(path, abs(second - first)).replace("%", " pp")
        difference = f"{'-' if second < first else '+'}{size}"
    return path, _text(path, first), _text(path, second), difference


def _text(path: str, value: Any) -> str:
    """Write a value; of what was measured only the digits that mean something."""
    name = path.rpartition(".")[2]
    if value is None or isinstance(value, str):
        return value or "-"
    if not (path.startswith(MEASURED) and _is_number(value)):
        return toml_value(value)
    is_metric = name in METRICS and METRICS[name].unit == "fraction"
    if name == "accuracy" or is_metric or path.startswith("test_accuracy."):
        return percent(value)
    if name.endswith("images_per_second"):
        return rate(value)
    if name.endswith("seconds"):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
