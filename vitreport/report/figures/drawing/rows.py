"""Dots with intervals, one row each: accuracies of architectures, of classes, of values that have no order."""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.analysis.details import ClassAccuracy
from vitreport.analysis.references import DATASET_TITLES, architecture_title
from vitreport.analysis.summary import Ablation, Pair
from vitreport.formatting import Estimate, percent
from vitreport.report.blocks import NOTHING
from vitreport.report.figures.drawing.canvas import (
    LOOKS,
    Canvas,
    canvas,
    distinct,
    in_percent,
    limits,
    quantity_told,
)
from vitreport.report.figures.drawing.palette import LIGHT
from vitreport.report.tables import STATES

ROW = 26
FRAME = 74
MOST_CLASSES = 24
FEW_CLASSES = 10


@dataclass(frozen=True)
class Row:
    """`note` stands in the place of an accuracy that is not there."""

    label: str
    accuracy: Estimate | None
    note: str = ""
    is_baseline: bool = False


def overview(cells: Sequence[Pair]) -> list[Canvas]:
    """One panel a data set with the same axis and the same rows, so that the eye can go from one to the other."""
    datasets, architectures = (dict.fromkeys(names) for names in zip(*map(_pair, cells), strict=True))
    found = {_pair(cell): cell for cell in cells}
    shared = limits([cell.group.test for cell in cells if cell.group and cell.group.test])
    return [
        rows_panel(
            DATASET_TITLES.get(dataset, dataset),
            "test accuracy",
            [_cell_row(architecture, found.get((dataset, architecture))) for architecture in architectures],
            shared,
        )
        for dataset in datasets
    ]


def classes(accuracies: Sequence[ClassAccuracy]) -> list[Canvas]:
    """The hardest class last; of very many the easiest and the hardest."""
    ordered = sorted(accuracies, key=lambda each: -each.accuracy.value)
    rows = [Row(each.name, each.accuracy) for each in ordered]
    shared = limits([each.accuracy for each in ordered])
    if len(rows) <= MOST_CLASSES:
        return [rows_panel("", "accuracy of a class", rows, shared)]
    best = rows_panel(f"The {FEW_CLASSES} easiest of {len(rows)}", "accuracy of a class", rows[:FEW_CLASSES], shared)
    worst = rows_panel(f"The {FEW_CLASSES} hardest of {len(rows)}", "accuracy of a class", rows[-FEW_CLASSES:], shared)
    return [best, worst]


def values(ablation: Ablation) -> Canvas:
    """Values without an order, or of several axes."""
    rows = [
        Row(level.shown, level.accuracy, level.state, is_baseline=index == ablation.baseline)
        for index, level in enumerate(ablation.levels)
    ]
    shared = limits([row.accuracy for row in rows if row.accuracy])
    return rows_panel(" · ".join(ablation.axes), "test accuracy", rows, shared)


def rows_panel(title: str, quantity: str, rows: Sequence[Row], shared: tuple[float, float]) -> Canvas:
    """The first row on top; the number stands at the right of each, a line all along where the baseline is."""
    panel = canvas(f"{quantity}: {title}" if title else quantity, FRAME + ROW * len(rows), title=title, grid="x")
    axes = panel.axes
    axes.set_xlim(*shared)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    names = [
        f"{name} (baseline)" if row.is_baseline else name
        for name, row in zip(distinct([row.label for row in rows]), rows, strict=True)
    ]
    axes.set_yticks(range(len(rows)), names, color=LIGHT["ink"])
    in_percent(axes.xaxis, 5)
    axes.set_xlabel(quantity_told(quantity, [row.accuracy for row in rows]))
    for place, row in enumerate(rows):
        _draw_row(panel, place, row, shared)
    return panel


def _draw_row(panel: Canvas, place: int, row: Row, shared: tuple[float, float]) -> None:
    right = panel.axes.get_yaxis_transform()
    if row.accuracy:
        panel.dot(place, row.accuracy, LOOKS[0])
        panel.axes.text(1.04, place, percent(row.accuracy.value, 1), transform=right, va="center")
        if row.is_baseline:
            panel.axes.axvline(row.accuracy.value, color=LIGHT["muted"], linewidth=1, dashes=(3, 3), zorder=1)
    else:
        panel.axes.text(1.04, place, row.note, transform=right, va="center", color=LIGHT["muted"])
    said = row.accuracy.in_percent() if row.accuracy else row.note
    panel.tip(shared[0], place - 0.5, shared[1] - shared[0], 1, f"{row.label}: {said}")


def _pair(cell: Pair) -> tuple[str, str]:
    return cell.dataset, cell.architecture


def _cell_row(architecture: str, cell: Pair | None) -> Row:
    title, group = architecture_title(architecture), cell and cell.group
    if group:
        return Row(title, group.test, STATES.get(group.state, group.state))
    return Row(title, None, "not run" if cell else NOTHING)
