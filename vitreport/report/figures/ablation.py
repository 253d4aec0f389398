"""Test accuracy by the levels of an ablation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from operator import itemgetter

from vitreport.analysis.summary import Ablation
from vitreport.analysis.titles import subject_of, varies_architecture
from vitreport.formatting import joined, methods
from vitreport.report.blocks import Figure
from vitreport.report.figures.canvas import Canvas, ends, key_of, short
from vitreport.report.figures.palette import LIGHT
from vitreport.report.figures.rows import Row, draw_rows

MOST_LEVELS = 50
LOGARITHMIC_FROM = 8
"""The ratio of the largest to the smallest value from which an axis is logarithmic."""


def ablation_figure(ablation: Ablation) -> Iterator[Figure]:
    """Make the figure of an ablation, if at least two levels were measured."""
    subject, drawn = subject_of(ablation), _thinned(ablation)
    measured = [(level.shown, level.accuracy) for level in drawn.levels if level.accuracy]
    if len(measured) < 2:
        return
    of, held = f"of {subject}", "all else being equal"
    if varies_architecture(ablation):
        of, held = f"on {subject}", "each with its preset or its defaults"
    some = f" {len(drawn.levels)} of {len(ablation.levels):,} values are drawn." if drawn is not ablation else ""
    yield Figure(
        name="-".join([ablation.architecture, ablation.dataset, *ablation.axes, ablation.qualifier]),
        kind="ablation",
        title=subject,
        alt=f"Test accuracy {of}: {joined(f'{shown} {accuracy.in_percent()}' for shown, accuracy in measured)}.",
        caption=f"Test accuracy {of}, {held}. {methods(accuracy for _, accuracy in measured)}{some}",
        data=drawn,
        architecture=ablation.architecture,
        dataset=ablation.dataset,
        ablation=ablation.name,
    )


def _thinned(ablation: Ablation) -> Ablation:
    """Keep about `MOST_LEVELS` levels along the whole range, with both ends and the baseline."""
    count, baseline = len(ablation.levels), ablation.baseline
    if count <= MOST_LEVELS:
        return ablation
    kept = sorted({*range(0, count, -(-count // MOST_LEVELS)), count - 1, baseline or 0})
    levels = tuple(ablation.levels[index] for index in kept)
    return replace(ablation, levels=levels, baseline=None if baseline is None else kept.index(baseline))


def draw_ablation(ablation: Ablation) -> Canvas:
    """Draw accuracy by value if the levels are numbers of one field, else in rows."""
    numbers = [level.number for level in ablation.levels if level.number is not None and isfinite(level.number)]
    if len(set(numbers)) == len(ablation.levels) > 1:
        return _draw_numbers(ablation, numbers)
    rows = [
        Row(level.shown, level.accuracy, level.state, is_baseline=index == ablation.baseline)
        for index, level in enumerate(ablation.levels)
    ]
    return draw_rows(" · ".join(ablation.axes), "test accuracy", rows)


def _draw_numbers(ablation: Ablation, numbers: Sequence[float]) -> Canvas:
    """Draw accuracy by value, with a ring around the baseline and a cross for a level without an accuracy."""
    name, low, high = ablation.axes[0], min(numbers), max(numbers)
    is_logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
    levels = dict(sorted(zip(numbers, ablation.levels, strict=True), key=itemgetter(0)))
    baseline = [] if ablation.baseline is None else [numbers[ablation.baseline]]
    found = {number: level.accuracy for number, level in levels.items() if level.accuracy}
    missing = {number: level.state for number, level in levels.items() if not level.accuracy}
    panel = Canvas(
        f"{short(name, 32)}{' (logarithmic)' if is_logarithmic else ''}",
        title="Test accuracy",
        key=key_of(
            found.values(),
            "ring: baseline" if any(number in found for number in baseline) else "",
            f"cross: {', '.join(dict.fromkeys(missing.values()))}" if missing else "",
        ),
    )
    axes = panel.axes
    panel.value_axis({number: f"{number:g}" for number in numbers}, [low, high, *baseline], logarithmic=is_logarithmic)
    panel.share_axis("y", ends(found.values()))
    bottom, top = axes.get_ylim()
    if missing:
        bottom -= 0.1 * (top - bottom)
        axes.set_ylim(bottom, top)
        place = axes.get_xaxis_transform()
        axes.plot(list(missing), [0.05] * len(missing), "x", color=LIGHT["vermillion"], mew=2, transform=place)
    axes.plot(list(found), [accuracy.value for accuracy in found.values()], color=LIGHT["rule"], linewidth=1.5)
    left, right = axes.get_xlim()
    middles = [(one * two) ** 0.5 if is_logarithmic else (one + two) / 2 for one, two in pairwise(levels)]
    for (number, level), (start, end) in zip(levels.items(), pairwise([left, *middles, right]), strict=True):
        if level.accuracy:
            panel.dot(number, level.accuracy, ringed=number in baseline)
        said = level.accuracy.in_percent() if level.accuracy else level.state
        panel.tip(start, bottom, end, top, f"{name} = {level.shown}: {said}")
    return panel
