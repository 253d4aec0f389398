"""Dots with intervals, one row each: accuracies of architectures, of classes, of values that have no order."""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.report.facts.measured import ClassAccuracy, Estimate
from vitreport.report.facts.references import DATASET_TITLES, architecture_title
from vitreport.report.facts.summary import Ablation, Cell
from vitreport.report.figures.drawing.canvas import (
    LOOKS,
    Canvas,
    axis_percent,
    canvas,
    limits,
    quantity_told,
    short,
)
from vitreport.report.figures.drawing.palette import LIGHT
from vitreport.report.sentences.phrases import accuracy
from vitreport.report.tables import NOTHING, STATES
from vitreport.text import percent

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


def overview(cells: Sequence[Cell]) -> list[Canvas]:
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
        Row(
            " · ".join(level.values) + (" (baseline)" if index == ablation.baseline else ""),
            level.accuracy,
            level.state,
        )
        for index, level in enumerate(ablation.levels)
    ]
    shared = limits([row.accuracy for row in rows if row.accuracy])
    drawn = rows_panel(" · ".join(ablation.axes), "test accuracy", rows, shared)
    baseline = ablation.levels[ablation.baseline].accuracy if ablation.baseline is not None else None
    if baseline:
        drawn.axes.axvline(baseline.value, color=LIGHT["muted"], linewidth=1, dashes=(3, 3), zorder=1)
    return drawn


def rows_panel(title: str, quantity: str, rows: Sequence[Row], shared: tuple[float, float]) -> Canvas:
    """The first row on top; the number stands at the right of each."""
    panel = canvas(f"{quantity}: {title}" if title else quantity, FRAME + ROW * len(rows), title=title, grid="x")
    axes = panel.axes
    axes.set_xlim(*shared)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [short(row.label) for row in rows], color=LIGHT["ink"])
    axes.xaxis.set_major_formatter(axis_percent)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(quantity_told(quantity, [row.accuracy for row in rows]))
    for place, row in enumerate(rows):
        _draw_row(panel, place, row, shared)
    return panel


def _draw_row(panel: Canvas, place: int, row: Row, shared: tuple[float, float]) -> None:
    right = panel.axes.get_yaxis_transform()
    if row.accuracy:
        panel.dot(place, row.accuracy, LOOKS[0])
        panel.axes.text(1.03, place, percent(row.accuracy.value, 1), transform=right, va="center")
    else:
        panel.axes.text(1.03, place, row.note, transform=right, va="center", color=LIGHT["muted"])
    said = accuracy(row.accuracy) if row.accuracy else row.note
    panel.tip(shared[0], place - 0.5, shared[1] - shared[0], 1, f"{row.label}: {said}")


def _pair(cell: Cell) -> tuple[str, str]:
    return cell.dataset, cell.architecture


def _cell_row(architecture: str, cell: Cell | None) -> Row:
    title, group = architecture_title(architecture), cell and cell.group
    if group:
        return Row(title, group.test, STATES.get(group.state, group.state))
    return Row(title, None, "not run" if cell else NOTHING)
