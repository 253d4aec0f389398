"""Collect the figures of a report, and draw them."""

import re
from dataclasses import replace
from typing import Any, assert_never

from vitreport.analysis.summary import Summary
from vitreport.report.blocks import Figure, Kind
from vitreport.report.figures import accuracy, groups
from vitreport.report.figures.canvas import Canvas, style


def figures_of(summary: Summary) -> tuple[Figure, ...]:
    """Return the figures in the order of the report, with names that are unique and fit for files."""
    figures = [*accuracy.overview_figure(summary.pairs), *accuracy.cost_figure(summary.pairs)]
    for architecture in summary.architectures:
        figures += [each for pair in architecture.pairs if pair.group for each in groups.figures_of_group(pair.group)]
        figures += [figure for each in architecture.ablations for figure in accuracy.ablation_figure(each)]
    taken: dict[str, Figure] = {}
    for figure in figures:
        name = re.sub(r"[^a-z0-9.]+", "-", figure.name.lower()).strip("-.")[:100]
        while name in taken:
            name += "-2"
        taken[name] = replace(figure, name=name)
    return tuple(taken.values())


def draw(figure: Figure) -> list[str]:
    """Return the panels of a figure, each an SVG on one line whose colours are `var(--name)` of the palette."""
    from vitreport.report.figures.svg import to_svg

    with style():
        panels = enumerate(_panels(figure.kind, figure.data))
        return [to_svg(panel, f"{figure.name}-{index}") for index, panel in panels]


def _panels(kind: Kind, data: Any) -> list[Canvas]:
    match kind:
        case "overview":
            return accuracy.draw_overview(data)
        case "cost":
            return accuracy.draw_cost(data)
        case "ablation":
            return [accuracy.draw_ablation(data)]
        case "classes":
            return [accuracy.draw_rows("", "accuracy of a class", data)]
        case "curves":
            return [groups.draw_curves(data)]
        case "confusion":
            return [groups.draw_confusion(data)]
        case "calibration":
            return groups.draw_calibration(data)
        case "mistakes":
            return []  # a recorded picture
        case _:
            assert_never(kind)
