"""Curves over epochs."""

from collections.abc import Sequence
from math import log10

from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from vitreport.analysis.details import LARGE_LOSS, SPLITS, Curve, measured
from vitreport.report.figures.drawing.canvas import HEIGHT, LINE, LOOKS, Canvas, canvas, in_percent, share_range, spread

SPLIT_LOOKS = {"train": LOOKS[0], "val": LOOKS[2], "test": LOOKS[1]}
MOST_TIPS = 60
MARKERS = 6


def curves(drawn: Sequence[Curve]) -> list[Canvas]:
    """The mean over seeds with its interval as a band; each line has its name and last value at its end."""
    metric = drawn[0].metric
    panel = canvas(f"{metric} by epoch", HEIGHT, title="Accuracy" if metric == "accuracy" else "Loss")
    axes = panel.axes
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    for curve in drawn:
        _draw_curve(panel, curve)
    axes.set_xlim(min(curve.epochs[0] for curve in drawn) - 0.5, max(curve.epochs[-1] for curve in drawn) + 0.5)
    _share_axis(panel, drawn) if metric == "accuracy" else _loss_axis(panel, drawn)
    _name_ends(panel, drawn)
    _epoch_tips(panel, drawn)
    return [panel]


def _share_axis(panel: Canvas, drawn: Sequence[Curve]) -> None:
    shown = [values for curve in drawn for values in (curve.mean, curve.low or (), curve.high or ())]
    panel.axes.set_ylim(*share_range([share for shares in shown for share in shares]))
    in_percent(panel.axes.yaxis, 6)


def _loss_axis(panel: Canvas, drawn: Sequence[Curve]) -> None:
    """Logarithmic where a loss runs away: next to it all others would be a flat line."""
    axes, losses = panel.axes, [loss for curve in drawn for loss in curve.mean]
    if min(losses) > 0 and max(losses) > LARGE_LOSS:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"1e{round(log10(loss))}"))
        axes.set_ylabel("loss (nats, logarithmic)")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.set_ylabel("loss (nats)")
    axes.set_ylim(*axes.get_ylim())


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
    axes = panel.axes
    ends = [share for _, share in panel.to_share([(curve.epochs[-1], curve.mean[-1]) for curve in drawn])]
    for curve, place in zip(drawn, spread(ends, LINE), strict=True):
        text = f"{SPLITS[curve.split]} {measured(curve.metric, curve.mean[-1])}"
        axes.text(1.02, place, text, transform=axes.transAxes, va="center", gid=panel.part_of(SPLITS[curve.split]))


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
