"""A page as CSV, for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from vitreport.analysis.groups import Cost, Group
from vitreport.formatting import csv_text
from vitreport.report.page import Page


def render_csv(page: Page) -> str:
    """Return one row per group, with what its estimates rest on; no cell begins like a formula of a spreadsheet."""
    groups = page.summary.groups
    paths = list(dict.fromkeys(path for group in groups for path in group.fields))
    rows = [dict(_row(group, paths)) for group in groups]
    return csv_text([*rows[:1], *(row.values() for row in rows)])


def _row(group: Group, paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    yield from (("architecture", group.architecture), ("dataset", group.dataset), ("group", group.id))
    yield from (("state", group.state), ("seeds", " ".join(map(str, group.seeds))))
    for name in ("test", "validation", "train", "gap", "test_loss"):
        for part in ("value", "low", "high", "method", "n"):
            yield name if part == "value" else f"{name}_{part}", getattr(getattr(group, name), part, None)
    for field in fields(Cost):
        yield field.name, getattr(group.cost, field.name, None)
    for path in paths:
        value = group.fields.get(path)
        yield path, value if isinstance(value, str | int | float | None) else json.dumps(value)
    yield "command", group.command
