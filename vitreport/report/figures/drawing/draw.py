"""Each kind of figure with what draws it."""

from typing import Any

from vitreport.analysis.summary import Ablation
from vitreport.report.figures.drawing import calibration, confusion, cost, curves, numbers, rows
from vitreport.report.figures.drawing.canvas import Canvas, style
from vitreport.report.figures.drawing.vector import to_svg
from vitreport.report.figures.illustrations import Figure


def draw(figure: Figure) -> list[str]:
    """Its panels as SVG, one line each, in the names of the palette's colours."""
    with style():
        return [to_svg(panel, f"{figure.name}-{index}") for index, panel in enumerate(_panels(figure))]


def _panels(figure: Figure) -> list[Canvas]:
    data: Any = figure.data
    match figure.kind:
        case "overview":
            return rows.overview(data)
        case "curves":
            return curves.curves(data)
        case "ablation":
            return [_ablation(data)]
        case "classes":
            return rows.classes(data)
        case "confusion":
            return confusion.confusion(data)
        case "calibration":
            return calibration.calibration(data)
        case "cost":
            return cost.cost(data)
        case "mistakes":
            return []


def _ablation(data: Ablation) -> Canvas:
    varied = numbers.numbers_of(data)
    return numbers.numeric(data, varied) if varied else rows.values(data)
