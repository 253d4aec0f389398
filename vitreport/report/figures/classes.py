"""Test accuracy of every class."""

from collections.abc import Iterator, Sequence

from vitreport.analysis.details import ClassAccuracy
from vitreport.analysis.summary import Group
from vitreport.formatting import methods
from vitreport.report.figures.canvas import Canvas
from vitreport.report.figures.figure import ESTIMATE_COLUMNS, Figure, FigureTable, estimate_cells
from vitreport.report.figures.rows import Row, draw_rows

MOST_CLASSES = 50


def classes_figure(group: Group, classes: tuple[ClassAccuracy, ...], where: str) -> Iterator[Figure]:
    """Make the figure of the classes of a group, unless they are too many to be read."""
    if not 0 < len(classes) <= MOST_CLASSES:
        return
    ordered = sorted(classes, key=lambda each: each.accuracy.value)
    lowest, highest = ordered[0], ordered[-1]
    yield Figure(
        name=f"{group.id}-classes",
        kind="classes",
        title=f"Classes of {where}",
        alt=f"Test accuracy of {where} by class: highest {highest.name} {highest.accuracy.in_percent()}, "
        f"lowest {lowest.name} {lowest.accuracy.in_percent()}.",
        caption=f"Test accuracy by class. {methods(each.accuracy for each in classes)}",
        data=classes,
        table=FigureTable(
            ("class", *ESTIMATE_COLUMNS), tuple((each.name, *estimate_cells(each.accuracy)) for each in classes)
        ),
    )


def draw_classes(classes: Sequence[ClassAccuracy]) -> list[Canvas]:
    """Draw the classes from the easiest to the hardest."""
    rows = [Row(each.name, each.accuracy) for each in sorted(classes, key=lambda each: -each.accuracy.value)]
    return [draw_rows("", "accuracy of a class", rows, [row.accuracy for row in rows])]
