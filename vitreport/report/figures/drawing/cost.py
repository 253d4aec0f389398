"""Accuracy against what it costs."""

from collections.abc import Sequence
from math import ceil, floor, log10

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vitreport.formatting import compact
from vitreport.report.figures.drawing.canvas import (
    HEIGHT,
    LOOKS,
    WIDTH,
    Canvas,
    Look,
    canvas,
    in_percent,
    limits,
    quantity_told,
    short,
)
from vitreport.report.figures.drawing.labels import beside
from vitreport.report.figures.drawing.palette import LIGHT
from vitreport.report.figures.illustrations import CostPoint

Looks = dict[str, Look]
LINE, COLUMNS, NUMBERS = 17, 2, 24
"""Of the key, in pixels: the height of a line and the width of a number."""

MOST_TICKS = 6
TICKS = (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4))
"""Which numbers of which decades."""


def cost(points: Sequence[CostPoint]) -> list[Canvas]:
    """One panel a data set; every architecture looks the same in all."""
    looks = {label: LOOKS[index % len(LOOKS)] for index, label in enumerate(dict.fromkeys(p.label for p in points))}
    datasets = dict.fromkeys(point.dataset for point in points)
    return [_panel(dataset, [point for point in points if point.dataset == dataset], looks) for dataset in datasets]


def _panel(dataset: str, points: Sequence[CostPoint], looks: Looks) -> Canvas:
    """With the names beside the points; where there is no room for them, with numbers and a key below."""
    named = _draw(dataset, points, looks)
    if _name(named, points, [short(point.label) for point in points]):
        return named
    ranked = sorted(points, key=lambda point: -point.accuracy.value)
    keyed = _draw(dataset, ranked, looks, key_lines=ceil(len(points) / COLUMNS))
    _name(keyed, ranked, [str(rank) for rank in range(1, len(points) + 1)])
    _add_key(keyed, ranked)
    return keyed


def _draw(dataset: str, points: Sequence[CostPoint], looks: Looks, key_lines: int = 0) -> Canvas:
    panel = canvas(f"test accuracy by FLOPs an image on {dataset}", HEIGHT, title=dataset, below=key_lines * LINE)
    _cost_axis(panel, [point.cost.forward_flops for point in points])
    panel.axes.set_ylim(*limits([point.accuracy for point in points]))
    in_percent(panel.axes.yaxis, 5)
    panel.axes.set_ylabel(quantity_told("test accuracy", [point.accuracy for point in points]))
    for point in points:
        panel.dot(point.cost.forward_flops, point.accuracy, looks[point.label], upright=True, series=point.label)
    panel.settle()
    for point in points:
        size_told = f"{compact(point.cost.forward_flops)} FLOPs, {compact(point.cost.parameters)} parameters"
        told = f"{point.label}: {point.accuracy.in_percent()}, {size_told}"
        panel.tip_at(panel.mark(point.cost.forward_flops, point.accuracy), told)
    return panel


def _cost_axis(panel: Canvas, costs: Sequence[int]) -> None:
    axes, room = panel.axes, max(1.6, (max(costs) / min(costs)) ** 0.12)
    low, high = min(costs) / room, max(costs) * room
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: compact(number)))
    axes.set_xlabel("FLOPs of a forward pass, an image (logarithmic)")


def _ticks(low: float, high: float) -> list[float]:
    """As many round numbers as there is room for: 1, 2, 5 of each decade, or 1, 3, or only some decades."""
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    for steps, each in TICKS:
        ticks = [step * 10.0**decade for decade in decades if decade % each == 0 for step in steps]
        found = [tick for tick in ticks if low <= tick <= high]
        if len(found) <= MOST_TICKS:
            break
    return found


def _name(panel: Canvas, points: Sequence[CostPoint], names: Sequence[str]) -> bool:
    """Whether there was room for all."""
    marks = [panel.mark(point.cost.forward_flops, point.accuracy) for point in points]
    texts = [panel.text(name, series=point.label) for name, point in zip(names, points, strict=True)]
    return panel.place(texts, marks, beside, taken=marks)


def _add_key(panel: Canvas, points: Sequence[CostPoint]) -> None:
    """Number and name, in columns."""
    lines = ceil(len(points) / COLUMNS)
    for rank, point in enumerate(points):
        column, line = divmod(rank, lines)
        x, y = column * WIDTH / COLUMNS + NUMBERS, (lines - line - 0.5) * LINE
        panel.text(str(rank + 1), color=LIGHT["muted"], series=point.label).set(position=(x, y), ha="right")
        panel.text(short(point.label), series=point.label).set_position((x + NUMBERS / 3, y))
