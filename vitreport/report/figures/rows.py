"""Dots with intervals, one row each: for architectures, classes, and levels that have no order."""

from collections.abc import Sequence
from typing import NamedTuple

from vitreport.formatting import Estimate, percent
from vitreport.report.figures.canvas import Canvas, ends, key_of, short, text_width
from vitreport.report.figures.palette import LIGHT

ROW, NARROW_ROW, MANY = 26, 18, 24


class Row(NamedTuple):
    """One row; `note` says why there is no accuracy."""

    label: str
    accuracy: Estimate | None
    note: str = ""
    is_baseline: bool = False


def draw_rows(title: str, quantity: str, rows: Sequence[Row], shared: Sequence[Row] = ()) -> Canvas:
    """Draw rows from the top, each with its number at the right, on an axis that fits the `shared` rows too."""
    names = [short(row.label) for row in rows]
    notes = [percent(row.accuracy.value, 1) if row.accuracy else row.note for row in rows]
    baseline = next((row.accuracy for row in rows if row.is_baseline), None)
    panel = Canvas(
        quantity,
        title=title,
        key=key_of([row.accuracy for row in rows], "ring: baseline" if baseline else ""),
        grid="x",
        height=(90 if title else 68) + (ROW if len(rows) <= MANY else NARROW_ROW) * len(rows),
        left=text_width(max(names, key=len)) + 14,
        right=text_width(max(notes, key=len)) + 18,
    )
    axes = panel.axes
    panel.share_axis("x", ends(row.accuracy for row in (*rows, *shared)), 4)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), names, color=LIGHT["ink"])
    if baseline:
        axes.axvline(baseline.value, color=LIGHT["muted"], linewidth=1, dashes=(3, 3), zorder=1)
    low, high = axes.get_xlim()
    for place, (row, note) in enumerate(zip(rows, notes, strict=True)):
        if row.accuracy:
            panel.dot(place, row.accuracy, upright=False, ringed=row.is_baseline)
        color = LIGHT["ink"] if row.accuracy else LIGHT["muted"]
        axes.annotate(note, (1, place), (10, 0), axes.get_yaxis_transform(), "offset points", va="center", color=color)
        panel.tip(
            low, place - 0.5, high, place + 0.5, f"{row.label}: {row.accuracy.in_percent() if row.accuracy else note}"
        )
    return panel
