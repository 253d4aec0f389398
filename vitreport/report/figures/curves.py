"""Curves by epoch: several groups compared in one panel, or the splits of one group."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import ceil
from statistics import median_low
from typing import Any, NamedTuple

from vitreport.analysis.curves import Curve, Metric
from vitreport.analysis.groups import Group, Named
from vitreport.analysis.references import LABEL_LENGTH, where_of
from vitreport.formatting import joined, percent
from vitreport.records.measurement import SPLITS
from vitreport.report.blocks import Figure
from vitreport.report.figures.canvas import SMALL, Canvas, shortened
from vitreport.report.figures.colors import LOOKS, Look

Which = tuple[str, Metric]  # a split and what is measured on it
COMPARED_SPLITS = ("val", "test", "train")  # the first that most groups have
LARGE_LOSS = 1e4
CUT = 3.0  # a panel shows losses up to so many times the highest last one, or the median first one
MAX_TIPS, MARKERS = 60, 6
MEASURED = "With train.monitor_train, training is measured after each epoch, without augmentation and dropout"
LABEL_DISTANCE, LABEL_PLACE = 0.085, 1.04  # as shares of the height and the width of a panel


class Line(NamedTuple):
    """A curve with its label; a group looks the same in every panel."""

    label: str
    look: Look
    curve: Curve

    def shown(self, epoch: int) -> str:
        """Write Swin 56.3% of an accuracy, 16: 1.234 of a loss, Swin 3e+38 of a network about to diverge."""
        value = self.curve.mean[self.curve.epochs.index(epoch)]
        number = f"{value:.3f}" if abs(value) < LARGE_LOSS else f"{value:.3g}"
        colon = ":" if self.label[-1:].isdigit() else ""
        return f"{self.label}{colon} {percent(value, 1) if self.curve.metric == 'accuracy' else number}"


class Panel(NamedTuple):
    """What is drawn on one pair of axes."""

    title: str
    lines: tuple[Line, ...]

    @property
    def cut(self) -> float | None:
        """The largest loss that is drawn, if higher ones would press all that matters into a flat line."""
        if self.lines[0].curve.metric != "loss":
            return None
        means = [line.curve.mean for line in self.lines]
        limit = CUT * max(median_low(mean[0] for mean in means), *(mean[-1] for mean in means))
        return limit if min(self.values) >= 0 and max(self.values) > limit > 0 else None

    @property
    def values(self) -> list[float]:
        """All means and all ends of their intervals."""
        curves = [line.curve for line in self.lines]
        return [*chain.from_iterable((*each.mean, *(each.low or ()), *(each.high or ())) for each in curves)]


def curves_figure(
    name: str, title: str, groups: Named, which: Sequence[Which] = (), fewest: int = 2
) -> Iterator[Figure]:
    """Make the figure of labeled groups, if at least the `fewest` have the curves.

    These are by default the accuracy on a split that is not trained on, and the training loss.
    """
    if not which:
        counts = {split: sum(bool(each.curve(split, "accuracy")) for _, each in groups) for split in COMPARED_SPLITS}
        which = ((max(counts, key=lambda split: counts[split]), "accuracy"), ("train", "loss"))
    known = [
        (f"{label} (diverged)" if group.diverged else label, group)
        for label, group in groups
        if any(group.curve(*each) for each in which)
    ]
    step = max(1.0, (len(known) - 1) / (len(LOOKS) - 1))
    chosen = [round(step * index) for index in range(min(len(known), len(LOOKS)))]
    left_out = [label for index, (label, _) in enumerate(known) if index not in chosen]
    drawn = [(*known[index], LOOKS[number]) for number, index in enumerate(chosen)]
    panels = [
        Panel(
            f"{'Training' if split == 'train' else SPLITS[split].capitalize()} {metric}",
            tuple(Line(label, look, curve) for label, group, look in drawn if (curve := group.curve(split, metric))),
        )
        for split, metric in which
    ]
    if len(known) >= fewest:
        yield _figure(name, title, panels, [f"Not drawn: {'; '.join(left_out)}."] if left_out else [])


def splits_figure(group: Group) -> Iterator[Figure]:
    """Make the figure of the splits of one group."""
    panels = []
    for metric in ("accuracy", "loss"):
        curves = [each for each in group.curves if each.metric == metric]
        looks = dict(zip(("train", "test", "val"), LOOKS, strict=False))
        lines = tuple(Line(SPLITS[each.split], looks[each.split], each) for each in curves)
        panels.append(Panel(metric.capitalize(), lines))
    if group.curves:
        yield _figure(f"{group.id}-curves", where_of(group), panels, [])


def _figure(name: str, title: str, panels: Sequence[Panel], more: Iterable[str]) -> Figure:
    panels = [panel for panel in panels if panel.lines]
    curves = [line.curve for panel in panels for line in panel.lines]
    seen = [
        f"{panel.title} at the last epoch: {joined(line.shown(line.curve.epochs[-1]) for line in panel.lines)}."
        for panel in panels
    ]
    said = []
    if seeds := sorted({each.n for each in curves if each.n > 1}):
        said.append(f"Means over {' or '.join(map(str, seeds))} seeds with 95% bands.")
    if any(each.n == 1 for each in curves):
        said.append("Single runs have no bands.")
    trained = [line for panel in panels for line in panel.lines if line.curve.split == "train"]
    if measured := dict.fromkeys(line.label for line in trained if not line.curve.is_running):
        is_mixed = any(line.curve.is_running for line in trained)
        said.append(f"{MEASURED}{f' (here {joined(measured)})' if is_mixed else ''}.")
    said += [f"Losses above {panel.cut:.3g} are cut off." for panel in panels if panel.cut]
    if curves[0].stride > 1:
        said.append(f"One epoch in {curves[0].stride} is drawn.")
    return Figure(name, "curves", title, f"{title}. {' '.join(seen)}", " ".join([*said, *more]), tuple(panels))


def draw_curves(panel: Panel) -> Canvas:
    """Draw means over seeds with their intervals as bands; each line has its label and last value at its end."""
    from matplotlib.ticker import MaxNLocator

    metric, lines = panel.lines[0].curve.metric, panel.lines
    canvas = Canvas("epoch", title=panel.title + (" (nats)" if metric == "loss" else ""))
    axes = canvas.axes
    for _, (color, dash, marker), curve in lines:
        if curve.low and curve.high:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=color, alpha=0.18, linewidth=0)
        spaced = max(1, len(curve.epochs) // MARKERS)
        axes.plot(curve.epochs, curve.mean, color=color, ls=dash, marker=marker, markersize=5, markevery=spaced)
    epochs = sorted({epoch for line in lines for epoch in line.curve.epochs})
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    if metric == "accuracy":
        canvas.share_axis("y", panel.values)
    else:
        axes.yaxis.set_major_formatter("{x:g}")
        if panel.cut:
            lowest = min(panel.values)
            axes.set_ylim(max(0.0, lowest - 0.05 * (panel.cut - lowest)), panel.cut)
    _label(canvas, lines)
    step = ceil(len(epochs) / MAX_TIPS)
    for epoch in epochs[::step]:
        numbers = ", ".join(line.shown(epoch) for line in lines if epoch in line.curve.epochs)
        canvas.tip(f"epoch {epoch}: {numbers}", (epoch - step / 2, epoch + step / 2))
    return canvas


def _label(canvas: Canvas, lines: Sequence[Line]) -> None:
    """Write labels at the right, as near to the ends of the lines as they can be, and lead the lines to them."""
    axes = canvas.axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    ordered = sorted(lines, key=lambda line: line.curve.mean[-1])
    ends = [(line.curve.mean[-1] - bottom) / (top - bottom) for line in ordered]
    labels = shortened([line.label for line in ordered], LABEL_LENGTH)
    spots = spread(ends, LABEL_DISTANCE)
    for label, (_, look, curve), end, place in zip(labels, ordered, ends, spots, strict=True):
        last = curve.epochs[-1]
        style: Any = {"color": look.color, "lw": 1, "ls": (0, (1, 1.5)), "transform": axes.transAxes, "clip_on": False}
        places = [(last - left) / (right - left), LABEL_PLACE]
        axes.plot(places, [end, place], marker=look.marker, markersize=5, markevery=[1], **style)
        text = Line(label, look, curve).shown(last)
        axes.annotate(text, (LABEL_PLACE, place), (6, 0), "axes fraction", "offset points", va="center", fontsize=SMALL)


def spread(wanted: Sequence[float], distance: float) -> list[float]:
    """Move ascending places as little as possible (in squares), so that they are `distance` apart within 0 to 1."""
    import numpy as np
    from scipy.optimize import isotonic_regression

    steps = distance * np.arange(len(wanted))
    moved: list[float] = (isotonic_regression(np.array(wanted) - steps).x.clip(0, 1 - steps[-1]) + steps).tolist()
    return moved
