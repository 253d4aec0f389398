"""An ablation of a number."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite

from matplotlib.ticker import NullLocator

from vitreport.analysis.summary import Ablation, Level
from vitreport.report.figures.drawing.canvas import (
    HEIGHT,
    LINE,
    LOOKS,
    Canvas,
    canvas,
    in_percent,
    limits,
    quantity_told,
    short,
)
from vitreport.report.figures.drawing.labels import over
from vitreport.report.figures.drawing.palette import LIGHT

WIDE = 8
"""From this ratio of the largest to the smallest value on an axis is logarithmic."""

SMALL = 0.001
"""A smaller value is told with an exponent."""

DIGIT = 6.8 / 320
"""About the width of a letter at a tick, as a share of that of the axes."""

RING = 14


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
    """Accuracy by value; the baseline is ringed, and what has no accuracy stands in a row of its own below."""
    panel = canvas(f"test accuracy by {ablation.axes[0]}", HEIGHT)
    axes = panel.axes
    _value_axis(panel, ablation.axes[0], numbers)
    bottom, top = limits([level.accuracy for level in ablation.levels if level.accuracy])
    axes.set_ylim(bottom, top + 0.06 * (top - bottom))
    axes.set_ylabel(quantity_told("test accuracy", [level.accuracy for level in ablation.levels]))
    in_percent(axes.yaxis, 6)
    axes.set_yticks([tick for tick in axes.get_yticks() if bottom <= tick <= axes.get_ylim()[1]])
    _tick_values(panel, ablation, numbers)
    _draw_levels(panel, ablation, numbers)
    panel.settle()
    _name_baseline(panel, ablation, numbers)
    _level_tips(panel, ablation, numbers)
    return panel


def _value_axis(panel: Canvas, name: str, numbers: Sequence[float]) -> None:
    axes, low, high = panel.axes, min(numbers), max(numbers)
    is_logarithmic = low > 0 and high / low >= WIDE
    axes.set_xscale("log" if is_logarithmic else "linear")
    axes.set_xlabel(f"{short(name, 32)} (logarithmic)" if is_logarithmic else short(name, 44))
    room = (high / low) ** 0.1 if is_logarithmic else (high - low) * 0.1
    axes.set_xlim(*((low / room, high * room) if is_logarithmic else (low - room, high + room)))
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_levels(panel: Canvas, ablation: Ablation, numbers: Sequence[float]) -> None:
    drawn = sorted(zip(numbers, ablation.levels, strict=True), key=lambda pair: pair[0])
    line = [(number, level.accuracy.value) for number, level in drawn if level.accuracy]
    panel.axes.plot(*zip(*line, strict=True), color=LIGHT["rule"], linewidth=1.5)
    for number, level in drawn:
        if level.accuracy:
            panel.dot(number, level.accuracy, LOOKS[0], upright=True)
    lacking = dict.fromkeys(level.state for _, level in drawn if level.accuracy is None)
    for state in lacking:
        _draw_row(panel, state, [number for number, level in drawn if level.accuracy is None and level.state == state])


def _draw_row(panel: Canvas, state: str, numbers: Sequence[float]) -> None:
    """Crosses at the height of the name of what became of them."""
    axes = panel.axes
    bottom, top = axes.get_ylim()
    line = 1.3 * LINE * (top - bottom)
    axes.set_ylim(bottom - line, top)
    axes.plot(numbers, [bottom - line / 2] * len(numbers), "x", color=LIGHT["vermillion"], markeredgewidth=2)
    axes.text(
        -0.02, bottom - line / 2, state, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=11
    )


def told(numbers: Iterable[float]) -> dict[float, str]:
    """128, 0.05; with a very small one among them all below 1 have an exponent: 1e-4, 3e-2."""
    values = list(numbers)
    is_small = any(0 < abs(value) < SMALL for value in values)
    return {value: _exponent(value) if is_small and 0 < abs(value) < 1 else f"{value:.6g}" for value in values}


def _exponent(number: float) -> str:
    mantissa, exponent = f"{number:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _tick_values(panel: Canvas, ablation: Ablation, numbers: Sequence[float]) -> None:
    """Each value; where they would meet, the ends and the baseline, then what fits between."""
    names, kept = told(numbers), list[float]()
    baseline = [] if ablation.baseline is None else [numbers[ablation.baseline]]
    for number in dict.fromkeys((min(numbers), max(numbers), *baseline, *sorted(numbers))):
        if all(_has_room(panel, names, number, other) for other in kept):
            kept.append(number)
    panel.axes.set_xticks(sorted(kept), [names[number] for number in sorted(kept)])


def _has_room(panel: Canvas, names: dict[float, str], number: float, other: float) -> bool:
    (one, _), (two, _) = panel.to_share([(number, 0), (other, 0)])
    return abs(one - two) >= DIGIT * (len(names[number]) + len(names[other]) + 1) / 2


def _name_baseline(panel: Canvas, ablation: Ablation, numbers: Sequence[float]) -> None:
    """A ring around its dot."""
    if ablation.baseline is None or not (accuracy := ablation.levels[ablation.baseline].accuracy):
        return
    number = numbers[ablation.baseline]
    (ring,) = panel.axes.plot(number, accuracy.value, "o", color=LIGHT["ink"], markerfacecolor="none", markersize=RING)
    ring.set_clip_on(False)
    taken = [panel.mark(x, level.accuracy) for x, level in zip(numbers, ablation.levels, strict=True) if level.accuracy]
    mark = panel.mark(number, accuracy).ringed(RING / 2 + 1)
    panel.place([panel.text("baseline")], [mark], over, taken=taken)


def _level_tips(panel: Canvas, ablation: Ablation, numbers: Sequence[float]) -> None:
    """Each value's strip reaches half-way to its neighbours."""
    left, right = panel.axes.get_xlim()
    bottom, top = panel.axes.get_ylim()
    ordered = sorted(numbers)
    edges = [left, *((low * high) ** 0.5 if left > 0 else (low + high) / 2 for low, high in pairwise(ordered)), right]
    strips = dict(zip(ordered, pairwise(edges), strict=True))
    for number, level in sorted(zip(numbers, ablation.levels, strict=True), key=lambda pair: pair[0]):
        start, end = strips[number]
        panel.tip(start, bottom, end - start, top - bottom, f"{ablation.axes[0]} = {level.values[0]}: {_said(level)}")


def _said(level: Level) -> str:
    return level.accuracy.in_percent() if level.accuracy else level.state
