"""Collect the figures of a report and draw them: the one list of all kinds of figures."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from vitreport.analysis.summary import Pair, Summary
from vitreport.analysis.titles import where_of
from vitreport.report.figures import ablation, cost, curves, overview, predictions
from vitreport.report.figures.canvas import Canvas, style
from vitreport.report.figures.figure import Figure, Kind

PANELS: Mapping[Kind, Callable[[Any], list[Canvas]]] = {
    "overview": overview.draw_overview,
    "cost": cost.draw_cost,
    "curves": curves.draw_curves,
    "classes": predictions.draw_classes,
    "confusion": predictions.draw_confusion,
    "calibration": predictions.draw_calibration,
    "mistakes": lambda _: [],
    "ablation": ablation.draw_ablation,
}


def figures_of(summary: Summary) -> tuple[Figure, ...]:
    """Return the figures in the order of the report, each with a name of its own."""
    figures = [*overview.overview_figure(summary), *cost.cost_figure(summary)]
    for architecture in summary.architectures:
        for cell in architecture.pairs:
            figures += _figures_of_cell(cell, where_of(cell))
        for each in architecture.ablations:
            figures += ablation.ablation_figure(each)
    return tuple(_uniquely_named(figures))


def _figures_of_cell(cell: Pair, where: str) -> Iterator[Figure]:
    group = cell.group
    if group is None or group.details is None:
        return
    details = group.details
    for figures in (
        curves.curves_figure(group, tuple(curve for curve in details.curves if curve.metric == "accuracy"), where),
        curves.curves_figure(group, tuple(curve for curve in details.curves if curve.metric == "loss"), where),
        predictions.classes_figure(group, details.classes, where),
        predictions.confusion_figure(group, details.confusion, where),
        predictions.calibration_figure(group, details.calibration, where),
        predictions.mistakes_figure(group, details.mistakes, where),
    ):
        for figure in figures:
            yield replace(figure, architecture=cell.architecture, dataset=cell.dataset)


def _uniquely_named(figures: Iterable[Figure]) -> Iterator[Figure]:
    """Turn names into names of files."""
    taken: set[str] = set()
    for figure in figures:
        name = base = re.sub(r"[^a-z0-9.]+", "-", figure.name.lower()).strip("-.")[:100]
        number = 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        yield replace(figure, name=name)


def draw(figure: Figure) -> list[str]:
    """Return the panels of a figure, each an SVG on one line whose colours are `var(--name)` of the palette.

    A gallery of mistakes has no panels: it is a recorded picture.
    """
    from vitreport.report.figures.svg import to_svg

    with style():
        return [to_svg(panel, f"{figure.name}-{index}") for index, panel in enumerate(PANELS[figure.kind](figure.data))]
