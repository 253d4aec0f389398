"""Test accuracy of every architecture on every data set."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vitreport.analysis.references import architecture_title
from vitreport.analysis.summary import Pair, Summary
from vitreport.analysis.titles import where_of
from vitreport.data.registry import dataset_title
from vitreport.formatting import joined, methods
from vitreport.report.blocks import NOTHING
from vitreport.report.figures.canvas import Canvas
from vitreport.report.figures.figure import ESTIMATE_COLUMNS, Figure, FigureTable, estimate_cells
from vitreport.report.figures.rows import Row, draw_rows
from vitreport.report.tables import STATES


def overview_figure(summary: Summary) -> Iterator[Figure]:
    """Make the figure of the rows of the first table in their order, for each data set that was run on."""
    tested = [cell.group.test for cell in summary.pairs if cell.group and cell.group.test]
    if not tested:
        return
    datasets = {cell.dataset for cell in summary.pairs if cell.group}
    shown = [cell for cell in summary.pairs if cell.dataset in datasets]
    outcomes = [
        f"{where_of(cell)} {cell.group.test.in_percent() if cell.group.test else _state(cell)}"
        for cell in shown
        if cell.group
    ]
    cells = tuple(
        replace(cell, architecture=architecture_title(cell.architecture), dataset=dataset_title(cell.dataset))
        for cell in shown
    )
    rows = tuple(
        (cell.architecture, cell.dataset, *estimate_cells(cell.group.test))
        for cell in cells
        if cell.group and cell.group.test
    )
    yield Figure(
        name="overview",
        kind="overview",
        title="Test accuracy",
        alt=f"Test accuracy: {joined(outcomes)}.",
        caption=f"Test accuracy of each architecture on each data set. {methods(tested)}",
        data=cells,
        table=FigureTable(("architecture", "data set", *ESTIMATE_COLUMNS), rows),
    )


def draw_overview(cells: Sequence[Pair]) -> list[Canvas]:
    """Draw one panel for each data set with the same axis and the same rows."""
    found = {(cell.dataset, cell.architecture): cell for cell in cells}
    architectures = list(dict.fromkeys(cell.architecture for cell in cells))
    shared = [cell.group.test for cell in cells if cell.group]
    panels = []
    for dataset in dict.fromkeys(cell.dataset for cell in cells):
        rows = []
        for architecture in architectures:
            cell = found.get((dataset, architecture))
            test = cell.group.test if cell and cell.group else None
            rows.append(Row(architecture, test, _state(cell) if cell else NOTHING))
        panels.append(draw_rows(dataset, "test accuracy", rows, shared))
    return panels


def _state(cell: Pair) -> str:
    return STATES.get(cell.group.state, cell.group.state) if cell.group else "not run"
