"""Collect the figures of a report, and draw them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from vitreport.analysis.groups import Group
from vitreport.analysis.summary import Summary
from vitreport.report.blocks import Figure
from vitreport.report.figures import ablation, comparison, curves, predictions
from vitreport.report.figures.canvas import Canvas, style
from vitreport.report.figures.rows import draw_rows


def figures_of(summary: Summary) -> tuple[Figure, ...]:
    """Return the figures in the order of the report, with names that are unique and fit for files."""
    figures = [*comparison.overview_figure(summary.pairs), *comparison.cost_figure(summary.pairs)]
    for architecture in summary.architectures:
        for group in (pair.group for pair in architecture.pairs if pair.group):
            own = _figures_of_group(group)
            figures += [replace(each, architecture=group.architecture, dataset=group.dataset) for each in own]
        for each in architecture.ablations:
            figures += ablation.ablation_figure(each)
    taken: dict[str, Figure] = {}
    for figure in figures:
        name = re.sub(r"[^a-z0-9.]+", "-", figure.name.lower()).strip("-.")[:100]
        while name in taken:
            name += "-2"
        taken[name] = replace(figure, name=name)
    return tuple(taken.values())


def _figures_of_group(group: Group) -> Iterator[Figure]:
    if details := group.details:
        for metric in ("accuracy", "loss"):
            yield from curves.curves_figure(group, tuple(each for each in details.curves if each.metric == metric))
        yield from predictions.classes_figure(group, details.classes)
        yield from predictions.confusion_figure(group, details.confusion)
        yield from predictions.calibration_figure(group, details.calibration)
        yield from predictions.mistakes_figure(group, details.mistakes)


def draw(figure: Figure) -> list[str]:
    """Return the panels of a figure, each an SVG on one line whose colours are `var(--name)` of the palette."""
    from vitreport.report.figures.svg import to_svg

    with style():
        return [to_svg(panel, f"{figure.name}-{index}") for index, panel in enumerate(_panels(figure))]


def _panels(figure: Figure) -> list[Canvas]:
    match figure.kind:
        case "overview":
            return comparison.draw_overview(figure.data)
        case "cost":
            return comparison.draw_cost(figure.data)
        case "curves":
            return [curves.draw_curves(figure.data)]
        case "classes":
            return [draw_rows("", "accuracy of a class", figure.data)]
        case "confusion":
            return [predictions.draw_confusion(figure.data)]
        case "calibration":
            return predictions.draw_calibration(figure.data)
        case "mistakes":
            return []  # a recorded picture
        case "ablation":
            return [ablation.draw_ablation(figure.data)]
        case _:
            assert_never(figure.kind)
