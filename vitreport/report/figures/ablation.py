"""Test accuracy by the levels of an ablation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite

from vitreport.analysis.summary import Ablation, Level
from vitreport.analysis.titles import Titles, subject_of, varies_architecture
from vitreport.formatting import joined, methods
from vitreport.report.figures.canvas import Canvas, ends, key_of, short, text_width
from vitreport.report.figures.figure import ESTIMATE_COLUMNS, Figure, FigureTable, estimate_cells
from vitreport.report.figures.palette import LIGHT
from vitreport.report.figures.rows import Row, draw_rows

MOST_LEVELS = 50
LOGARITHMIC_FROM = 8
"""The ratio of the largest to the smallest value from which an axis is logarithmic."""


def ablation_figure(ablation: Ablation, names: Titles) -> Iterator[Figure]:
    """Make the figure of an ablation, if at least two levels were measured."""
    subject, drawn = subject_of(ablation, names), _thinned(ablation)
    measured = [(level, level.accuracy) for level in drawn.levels if level.accuracy]
    if len(measured) < 2:
        return
    of, held = "of", "all else being equal"
    if varies_architecture(ablation):
        of, held = "on", "each with its preset or its defaults"
    caption = f"Test accuracy {of} {subject}, {held}. {methods(found for _, found in measured)}"
    if drawn is not ablation:
        caption += f" {len(drawn.levels)} of {len(ablation.levels):,} values are drawn."
    outcomes = joined([f"{level.shown} {found.in_percent()}" for level, found in measured])
    yield Figure(
        name="-".join([ablation.architecture, ablation.dataset, *ablation.axes, ablation.qualifier]),
        kind="ablation",
        title=subject,
        alt=f"Test accuracy {of} {subject}: {outcomes}.",
        caption=caption,
        data=drawn,
        table=FigureTable(
            (*ablation.axes, "state", *ESTIMATE_COLUMNS),
            tuple((*level.texts, level.state, *estimate_cells(level.accuracy)) for level in drawn.levels),
        ),
        architecture=ablation.architecture,
        dataset=ablation.dataset,
    )


def _thinned(ablation: Ablation) -> Ablation:
    """Keep about `MOST_LEVELS` levels along the whole range, with both ends and the baseline."""
    count = len(ablation.levels)
    if count <= MOST_LEVELS:
        return ablation
    baseline = ablation.baseline
    kept = sorted({*range(0, count, -(-count // MOST_LEVELS)), count - 1, baseline or 0})
    levels = tuple(ablation.levels[index] for index in kept)
    return replace(ablation, levels=levels, baseline=None if baseline is None else kept.index(baseline))


def draw_ablation(ablation: Ablation) -> list[Canvas]:
    """Draw accuracy by value if the levels are numbers of one field, else in rows."""
    if numbers := _numbers(ablation):
        return [_draw_numbers(ablation, numbers)]
    rows = [
        Row(level.shown, level.accuracy, level.state, is_baseline=index == ablation.baseline)
        for index, level in enumerate(ablation.levels)
    ]
    title = " · ".join(ablation.axes)
    return [draw_rows(title, "test accuracy", rows, [row.accuracy for row in rows])]


def _numbers(ablation: Ablation) -> list[float] | None:
    """Return the levels as distinct numbers, None if that is not what they are."""
    numbers = [level.number for level in ablation.levels if level.number is not None and isfinite(level.number)]
    return numbers if len(set(numbers)) == len(ablation.levels) > 1 else None


def _draw_numbers(ablation: Ablation, numbers: Sequence[float]) -> Canvas:
    """Draw accuracy by value, with a ring around the baseline; a cross stands for a level without an accuracy."""
    low, high = min(numbers), max(numbers)
    is_logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
    missing = {level.state: None for level in ablation.levels if level.accuracy is None}
    baseline = None if ablation.baseline is None else numbers[ablation.baseline]
    panel = Canvas(
        f"test accuracy by {ablation.axes[0]}",
        title="Test accuracy",
        xlabel=f"{short(ablation.axes[0], 32)}{' (logarithmic)' if is_logarithmic else ''}",
        key=key_of(
            [level.accuracy for level in ablation.levels],
            "ring: baseline" if baseline is not None and ablation.levels[numbers.index(baseline)].accuracy else "",
            f"cross: {', '.join(missing)}" if missing else "",
        ),
    )
    axes = panel.axes
    room = (high / low) ** 0.1 if is_logarithmic else (high - low) * 0.1
    axes.set_xscale("log" if is_logarithmic else "linear")
    axes.set_xlim(*((low / room, high * room) if is_logarithmic else (low - room, high + room)))
    panel.share_axis("y", ends(level.accuracy for level in ablation.levels))
    if missing:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - 0.1 * (top - bottom), top)
    pairs: list[tuple[float, Level]] = sorted(zip(numbers, ablation.levels, strict=True), key=lambda pair: pair[0])
    line = [(number, level.accuracy.value) for number, level in pairs if level.accuracy]
    axes.plot(*zip(*line, strict=True), color=LIGHT["rule"], linewidth=1.5)
    for number, level in pairs:
        if level.accuracy:
            panel.dot(number, level.accuracy, ringed=number == baseline)
    crosses = [number for number, level in pairs if level.accuracy is None]
    if crosses:
        low_down = axes.get_xaxis_transform()
        axes.plot(crosses, [0.05] * len(crosses), "x", color=LIGHT["vermillion"], mew=2, transform=low_down)
    _label_values(panel, numbers, [low, high] if baseline is None else [low, high, baseline])
    _add_tips(panel, ablation.axes[0], pairs)
    return panel


def _label_values(panel: Canvas, numbers: Sequence[float], first: Sequence[float]) -> None:
    """Label the values of an axis, beginning with the most important, as long as there is room."""
    transform, (start, end) = panel.axes.transData, panel.axes.get_xlim()
    has_small = any(0 < abs(number) < 0.001 for number in numbers)
    kept: dict[float, tuple[float, str]] = {}
    for number in dict.fromkeys((*first, *sorted(numbers))):
        text, place = value_text(number, has_small=has_small), transform.transform((number, 0))[0]
        if all(abs(place - x) >= (text_width(f"{text}{other} ")) / 2 for x, other in kept.values()):
            kept[number] = place, text
    ticks = sorted(kept)
    panel.axes.set_xticks(ticks, [kept[tick][1] for tick in ticks])
    panel.axes.set_xticks([], minor=True)
    panel.axes.set_xlim(start, end)


def value_text(number: float, *, has_small: bool) -> str:
    """Return 128 or 0.05; next to very small numbers all below 1 have an exponent: 1e-4, 3e-2."""
    if not has_small or not 0 < abs(number) < 1:
        return f"{number:.6g}"
    mantissa, exponent = f"{number:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _add_tips(panel: Canvas, axis: str, pairs: Sequence[tuple[float, Level]]) -> None:
    """Add a strip for each value, half-way to its neighbours."""
    left, right = panel.axes.get_xlim()
    bottom, top = panel.axes.get_ylim()
    middles = [(low * high) ** 0.5 if left > 0 else (low + high) / 2 for (low, _), (high, _) in pairwise(pairs)]
    for (_, level), (start, end) in zip(pairs, pairwise([left, *middles, right]), strict=True):
        said = level.accuracy.in_percent() if level.accuracy else level.state
        panel.tip(start, bottom, end, top, f"{axis} = {level.texts[0]}: {said}")
