"""Collect the figures of a report and draw them: the one list of all kinds of figures."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from vitreport.analysis.summary import Pair, Summary
from vitreport.analysis.titles import titles, where_of
from vitreport.report.figures.ablation import ablation_figure, draw_ablation
from vitreport.report.figures.calibration import calibration_figure, draw_calibration
from vitreport.report.figures.canvas import Canvas, style
from vitreport.report.figures.classes import classes_figure, draw_classes
from vitreport.report.figures.confusion import confusion_figure, draw_confusion
from vitreport.report.figures.cost import cost_figure, draw_cost
from vitreport.report.figures.curves import curves_figure, draw_curves
from vitreport.report.figures.figure import Figure, Kind
from vitreport.report.figures.mistakes import mistakes_figure
from vitreport.report.figures.overview import draw_overview, overview_figure

PANELS: Mapping[Kind, Callable[[Any], list[Canvas]]] = {
    "overview": draw_overview,
    "cost": draw_cost,
    "curves": draw_curves,
    "classes": draw_classes,
    "confusion": draw_confusion,
    "calibration": draw_calibration,
    "mistakes": lambda _: [],
    "ablation": draw_ablation,
}


def figures_of(summary: Summary) -> tuple[Figure, ...]:
    """Return the figures in the order of the report, each with a name of its own."""
    names = titles(summary)
    figures = [*overview_figure(summary, names), *cost_figure(summary, names)]
    for architecture in summary.architectures:
        for cell in architecture.pairs:
            figures += _figures_of_cell(cell, where_of(cell, names))
        for ablation in architecture.ablations:
            figures += ablation_figure(ablation, names)
    return tuple(_uniquely_named(figures))


def _figures_of_cell(cell: Pair, where: str) -> Iterator[Figure]:
    group = cell.group
    if group is None or group.details is None:
        return
    details = group.details
    for figures in (
        curves_figure(group, tuple(curve for curve in details.curves if curve.metric == "accuracy"), where),
        curves_figure(group, tuple(curve for curve in details.curves if curve.metric == "loss"), where),
        classes_figure(group, details.classes, where),
        confusion_figure(group, details.confusion, where),
        calibration_figure(group, details.calibration, where),
        mistakes_figure(group, details.mistakes, where),
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
