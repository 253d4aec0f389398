"""An ablation of a number."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from vitreport.report.facts.summary import Ablation, Level
from vitreport.report.figures.drawing.canvas import (
    HEIGHT,
    LOOKS,
    Canvas,
    axis_percent,
    bounds,
    canvas,
    limits,
    quantity_told,
    short,
)
from vitreport.report.figures.drawing.palette import LIGHT
from vitreport.report.sentences.phrases import accuracy

WIDE = 8
"""From this ratio of the largest to the smallest value on an axis is logarithmic."""


def numbers_of(ablation: Ablation) -> list[float] | None:
    """The values of a single axis as distinct numbers, None where that is not what they are."""
    if len(ablation.axes) != 1:
        return None
    try:
        numbers = [float(level.values[0]) for level in ablation.levels]
    except ValueError:
        return None
    return numbers if all(map(isfinite, numbers)) and len(set(numbers)) == len(numbers) > 1 else None


def numeric(ablation: Ablation, numbers: Sequence[float]) -> Canvas:
    """Accuracy by value; the baseline is ringed, and what has no accuracy is named at the bottom."""
    panel = canvas(f"test accuracy by {ablation.axes[0]}", HEIGHT)
    axes = panel.axes
    _value_axis(panel, ablation, numbers)
    bottom, top = limits([level.accuracy for level in ablation.levels if level.accuracy])
    if any(level.accuracy is None for level in ablation.levels):
        bottom -= 0.16 * (top - bottom)
    axes.set_ylim(bottom, top + 0.06 * (top - bottom))
    axes.yaxis.set_major_formatter(axis_percent)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylabel(quantity_told("test accuracy", [level.accuracy for level in ablation.levels]))
    ordered = sorted(zip(numbers, ablation.levels, strict=True), key=lambda pair: pair[0])
    line = [(number, level.accuracy.value) for number, level in ordered if level.accuracy]
    axes.plot([number for number, _ in line], [value for _, value in line], color=LIGHT["rule"], linewidth=1.5)
    for number, level in zip(numbers, ablation.levels, strict=True):
        _draw_level(panel, number, level)
    _name_baseline(panel, ablation, numbers)
    _level_tips(panel, ablation, [number for number, _ in ordered], [level for _, level in ordered])
    return panel


def _value_axis(panel: Canvas, ablation: Ablation, numbers: Sequence[float]) -> None:
    axes = panel.axes
    if min(numbers) > 0 and max(numbers) / min(numbers) >= WIDE:
        axes.set_xscale("log")
        room = (max(numbers) / min(numbers)) ** 0.1
        axes.set_xlim(min(numbers) / room, max(numbers) * room)
        axes.set_xlabel(f"{short(ablation.axes[0], 32)} (logarithmic)")
    else:
        room = (max(numbers) - min(numbers)) * 0.1
        axes.set_xlim(min(numbers) - room, max(numbers) + room)
        axes.set_xlabel(short(ablation.axes[0], 44))
    axes.xaxis.set_major_locator(FixedLocator(sorted(numbers)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: _tick(number)))


def _tick(number: float) -> str:
    """128, 0.05 and 3e-4."""
    if number and abs(number) < 0.01:
        mantissa, exponent = f"{number:.3e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{number:.6g}"


def _draw_level(panel: Canvas, number: float, level: Level) -> None:
    if level.accuracy:
        panel.dot(number, level.accuracy, LOOKS[0], upright=True)
        return
    bottom, top = panel.axes.get_ylim()
    place = bottom + 0.05 * (top - bottom)
    panel.axes.plot(number, place, "x", color=LIGHT["vermillion"], markeredgewidth=2)
    _name(panel, level.state, number, place, LIGHT["muted"])


def _name_baseline(panel: Canvas, ablation: Ablation, numbers: Sequence[float]) -> None:
    """A ring, told by its shape."""
    if ablation.baseline is None or not (accuracy := ablation.levels[ablation.baseline].accuracy):
        return
    number = numbers[ablation.baseline]
    panel.axes.plot(number, accuracy.value, "o", color=LIGHT["ink"], markerfacecolor="none", markersize=14)
    _name(panel, "baseline", number, max(accuracy.value, bounds(accuracy)[1]), LIGHT["ink"])


def _name(panel: Canvas, text: str, x: float, y: float, color: str) -> None:
    panel.axes.annotate(text, (x, y), (0, 10), textcoords="offset points", ha="center", color=color, fontsize=11)


def _level_tips(panel: Canvas, ablation: Ablation, numbers: Sequence[float], levels: Sequence[Level]) -> None:
    """Each value's strip reaches half-way to its neighbours."""
    left, right = panel.axes.get_xlim()
    bottom, top = panel.axes.get_ylim()
    edges = [left, *((low * high) ** 0.5 if left > 0 else (low + high) / 2 for low, high in pairwise(numbers)), right]
    for level, (start, end) in zip(levels, pairwise(edges), strict=True):
        said = accuracy(level.accuracy) if level.accuracy else level.state
        panel.tip(start, bottom, end - start, top - bottom, f"{ablation.axes[0]} = {level.values[0]}: {said}")
