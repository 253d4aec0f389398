"""Accuracy against what it costs."""

from collections.abc import Sequence

from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from vitreport.report.figures.drawing.canvas import (
    HEIGHT,
    LINE,
    LOOKS,
    Canvas,
    Look,
    axis_percent,
    canvas,
    limits,
    short,
    spread,
)
from vitreport.report.figures.illustrations import CostPoint
from vitreport.report.sentences.phrases import accuracy
from vitreport.text import compact


def cost(points: Sequence[CostPoint]) -> list[Canvas]:
    """One panel a data set; every architecture looks the same in all."""
    looks = {label: LOOKS[index % len(LOOKS)] for index, label in enumerate(dict.fromkeys(p.label for p in points))}
    datasets = dict.fromkeys(point.dataset for point in points)
    return [_panel(dataset, [point for point in points if point.dataset == dataset], looks) for dataset in datasets]


def _panel(dataset: str, points: Sequence[CostPoint], looks: dict[str, Look]) -> Canvas:
    panel = canvas(f"test accuracy by FLOPs an image on {dataset}", HEIGHT, title=dataset)
    axes = panel.axes
    axes.set_xscale("log")
    costs = [point.cost.forward_flops for point in points]
    axes.set_xlim(min(costs) / 2.5, max(costs) * 2.5)
    axes.set_ylim(*limits([point.accuracy for point in points]))
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 3.0), numticks=6))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: compact(number)))
    axes.yaxis.set_major_formatter(axis_percent)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("FLOPs of a forward pass, an image (logarithmic)")
    axes.set_ylabel("test accuracy")
    _draw_points(panel, points, looks)
    return panel


def _draw_points(panel: Canvas, points: Sequence[CostPoint], looks: dict[str, Look]) -> None:
    low, high = panel.axes.get_ylim()
    places = spread([point.accuracy.value for point in points], LINE * (high - low))
    for point, place in zip(points, places, strict=True):
        look, flops = looks[point.label], point.cost.forward_flops
        panel.dot(flops, point.accuracy, look, upright=True, series=point.label)
        left = _is_crowded(point, points, 2 * LINE * (high - low))
        panel.axes.text(
            flops / 1.2 if left else flops * 1.2,
            place,
            short(point.label),
            ha="right" if left else "left",
            va="center",
            fontsize=11,
            gid=panel.part_of(point.label),
        )
        size_told = f"{compact(flops)} FLOPs, {compact(point.cost.parameters)} parameters"
        said = f"{point.label}: {accuracy(point.accuracy)}, {size_told}"
        size = LINE * (high - low)
        panel.tip(flops / 1.12, point.accuracy.value - size, flops * (1.12 - 1 / 1.12), 2 * size, said)


def _is_crowded(point: CostPoint, points: Sequence[CostPoint], height: float) -> bool:
    """Whether another point stands where the name at the right would."""
    return any(
        1 <= other.cost.forward_flops / point.cost.forward_flops < 4
        and abs(other.accuracy.value - point.accuracy.value) < height
        for other in points
        if other is not point
    )
