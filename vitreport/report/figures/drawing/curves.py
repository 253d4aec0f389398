"""Curves over epochs."""

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from vitreport.report.facts.measured import Curve
from vitreport.report.figures.drawing.canvas import HEIGHT, LINE, LOOKS, Canvas, axis_percent, canvas, spread
from vitreport.report.sentences.phrases import SPLITS, measured

SPLIT_LOOKS = {"train": LOOKS[0], "val": LOOKS[2], "test": LOOKS[1]}
MOST_TIPS = 60
MARKERS = 6


def curves(drawn: Sequence[Curve]) -> list[Canvas]:
    """The mean over seeds with its interval as a band; each line has its name and last value at its end."""
    metric = drawn[0].metric
    panel = canvas(f"{metric} by epoch", HEIGHT, title="Accuracy" if metric == "accuracy" else "Loss")
    axes = panel.axes
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(axis_percent)
    if metric == "loss":
        axes.set_ylabel("loss (nats)")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    for curve in drawn:
        _draw_curve(panel, curve)
    axes.set_xlim(min(curve.epochs[0] for curve in drawn) - 0.5, max(curve.epochs[-1] for curve in drawn) + 0.5)
    axes.set_ylim(*axes.get_ylim())
    _name_ends(panel, drawn)
    _epoch_tips(panel, drawn)
    return [panel]


def _draw_curve(panel: Canvas, curve: Curve) -> None:
    look = SPLIT_LOOKS[curve.split]
    if curve.low and curve.high:
        panel.axes.fill_between(
            curve.epochs,
            curve.low,
            curve.high,
            color=look.color,
            alpha=0.18,
            linewidth=0,
            gid=panel.part_of(SPLITS[curve.split]),
        )
    panel.axes.plot(
        curve.epochs,
        curve.mean,
        color=look.color,
        linestyle=look.dash,
        marker=look.marker,
        markersize=5,
        markevery=max(1, len(curve.epochs) // MARKERS),
        gid=panel.part_of(SPLITS[curve.split]),
    )


def _name_ends(panel: Canvas, drawn: Sequence[Curve]) -> None:
    low, high = panel.axes.get_ylim()
    beside = panel.axes.get_yaxis_transform()
    ends = [curve.mean[-1] for curve in drawn]
    for curve, place in zip(drawn, spread(ends, LINE * (high - low)), strict=True):
        text = f"{SPLITS[curve.split]} {measured(curve.metric, curve.mean[-1])}"
        panel.axes.text(1.02, place, text, transform=beside, va="center", gid=panel.part_of(SPLITS[curve.split]))


def _epoch_tips(panel: Canvas, drawn: Sequence[Curve]) -> None:
    """Strips over the whole height, so that an epoch's numbers are found without aiming."""
    low, high = panel.axes.get_ylim()
    epochs = sorted({epoch for curve in drawn for epoch in curve.epochs})
    for epoch, width in _strips(epochs):
        numbers = [
            f"{SPLITS[each.split]} {measured(each.metric, each.mean[each.epochs.index(epoch)])}"
            for each in drawn
            if epoch in each.epochs
        ]
        panel.tip(epoch - width / 2, low, width, high - low, f"epoch {epoch}: {', '.join(numbers)}")


def _strips(epochs: Sequence[int]) -> list[tuple[int, int]]:
    step = -(-len(epochs) // MOST_TIPS)
    return [(epoch, step) for epoch in epochs[::step]]
