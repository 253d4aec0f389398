"""A report for programs, as CSV: one row per group, with the columns that its JSON names by paths."""

import json
from typing import Any

from pydantic_core import to_jsonable_python

from vitreport.analysis.groups import Group
from vitreport.formatting import csv_text
from vitreport.report.sections import Page
from vitreport.spec.fields import flatten

ROW = (
    *("architecture", "dataset", "id", "state", "seeds", "test", "validation", "train", "gap", "test_loss"),
    *("balanced_accuracy", "macro_f1", "cost"),
)


def render_csv(page: Page) -> str:
    """Return one row per group; no cell begins like a formula of a spreadsheet."""
    rows = list(map(_row, page.summary.groups))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text([columns, *([row.get(column) for column in columns] for row in rows)])


def _row(group: Group) -> dict[str, Any]:
    """Return what is known of a group: its estimates by their paths in JSON, the fields of its spec, its command."""
    values = {name: getattr(group, name) for name in ROW}
    row = {**flatten(to_jsonable_python(values)), **group.fields, "command": group.command}
    return {
        name: json.dumps(value) if isinstance(value, list | tuple | dict) else value
        for name, value in row.items()
        if value is not None
    }
