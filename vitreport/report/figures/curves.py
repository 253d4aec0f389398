"""Accuracy and loss by epoch."""

from collections.abc import Iterator, Sequence
from itertools import chain
from math import log10

from vitreport.analysis.group_details import Curve, Metric
from vitreport.analysis.groups import Group
from vitreport.formatting import METHODS, joined, percent
from vitreport.records.measurement import SPLITS
from vitreport.report.figures.canvas import LOOKS, Canvas, round_ticks, spread, text_width
from vitreport.report.figures.figure import Figure, FigureTable, Value

LARGE_LOSS = 1e4
SPLIT_LOOKS = {"train": LOOKS[0], "val": LOOKS[2], "test": LOOKS[1]}
MOST_TIPS = 60
MARKERS = 6
LINE = 15


def curves_figure(group: Group, curves: tuple[Curve, ...], where: str) -> Iterator[Figure]:
    """Make the figure of the curves of one metric, if there are any."""
    if not curves:
        return
    metric, count = curves[0].metric, curves[0].n
    last = [f"{SPLITS[each.split]} {_measured(metric, each.mean[-1])}" for each in curves]
    band = f"Bands: 95%, {METHODS['t']}, n = {count}" if count > 1 else "A single run, no bands"
    kept = f" One epoch in {curves[0].stride} is drawn." if curves[0].stride > 1 else ""
    rows: Iterator[tuple[Value, ...]] = (
        (curve.split, epoch, curve.mean[i], curve.low[i] if curve.low else None, curve.high[i] if curve.high else None)
        for curve in curves
        for i, epoch in enumerate(curve.epochs)
    )
    yield Figure(
        name=f"{group.id}-{metric}",
        kind="curves",
        title=f"{metric.capitalize()} of {where}",
        alt=f"{metric.capitalize()} of {where} at epoch {curves[0].epochs[-1]}: {joined(last)}.",
        caption=f"{metric.capitalize()} by epoch ({_moments([each.split for each in curves])}). {band}.{kept}",
        data=curves,
        table=FigureTable(("split", "epoch", metric, "low", "high"), tuple(rows)),
    )


def draw_curves(curves: Sequence[Curve]) -> list[Canvas]:
    """Draw means over seeds with their intervals as bands; each line has its name and last value at its end."""
    metric = curves[0].metric
    names = [f"{SPLITS[curve.split]} {_measured(metric, curve.mean[-1])}" for curve in curves]
    means = list(chain.from_iterable(curve.mean for curve in curves))
    is_logarithmic = metric == "loss" and min(means) > 0 and max(means) > LARGE_LOSS
    unit = {"accuracy": "", "loss": " (nats, logarithmic)" if is_logarithmic else " (nats)"}[metric]
    panel = Canvas("epoch", title=f"{metric.capitalize()}{unit}", right=text_width(max(names, key=len)) + 12)
    axes = panel.axes
    for curve in curves:
        look = SPLIT_LOOKS[curve.split]
        if curve.low and curve.high:
            band = axes.fill_between(curve.epochs, curve.low, curve.high, color=look.color, alpha=0.18, linewidth=0)
            band.set_gid(panel.id_of(SPLITS[curve.split]))
        axes.plot(
            curve.epochs,
            curve.mean,
            color=look.color,
            linestyle=look.dash,
            marker=look.marker,
            markersize=5,
            markevery=max(1, len(curve.epochs) // MARKERS),
            gid=panel.id_of(SPLITS[curve.split]),
        )
    first, last = min(curve.epochs[0] for curve in curves), max(curve.epochs[-1] for curve in curves)
    axes.set(xlim=(first - 0.5, last + 0.5), xticks=round_ticks(first - 0.5, last + 0.5, 6, whole=True))
    if metric == "accuracy":
        bands = chain.from_iterable((*(curve.low or ()), *(curve.high or ())) for curve in curves)
        panel.share_axis("y", [*means, *bands])
    elif is_logarithmic:
        powers = round_ticks(log10(min(means)), log10(max(means)), 5, whole=True)
        axes.set_yscale("log")
        axes.set_yticks([10**power for power in powers], [f"1e{power:g}" for power in powers])
    else:
        low, high = axes.get_ylim()
        ticks = round_ticks(low, high, 6)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_ylim(low, high)
    last_points = [(curve.epochs[-1], curve.mean[-1]) for curve in curves]
    heights = [float(share) for _, share in (axes.transScale + axes.transLimits).transform(last_points)]
    for name, curve, place in zip(names, curves, spread(heights, LINE / panel.size[1]), strict=True):
        axes.text(1.02, place, name, transform=axes.transAxes, va="center", gid=panel.id_of(SPLITS[curve.split]))
    epochs = sorted({epoch for curve in curves for epoch in curve.epochs})
    step = -(-len(epochs) // MOST_TIPS)
    low, high = axes.get_ylim()
    for epoch in epochs[::step]:
        numbers = [
            f"{SPLITS[each.split]} {_measured(each.metric, each.mean[each.epochs.index(epoch)])}"
            for each in curves
            if epoch in each.epochs
        ]
        panel.tip(epoch - step / 2, low, epoch + step / 2, high, f"epoch {epoch}: {', '.join(numbers)}")
    return [panel]


def _moments(splits: Sequence[str]) -> str:
    """What the points of curves are: train: mean over the batches of an epoch, ...; validation: after the epoch"""
    words = ["train: mean over the batches of an epoch, with any augmentation and dropout"] if "train" in splits else []
    if after := [SPLITS[split] for split in splits if split != "train"]:
        words.append(f"{joined(after)}: after the epoch")
    return "; ".join(words)


def _measured(metric: Metric, value: float) -> str:
    """56.3% of an accuracy, 1.234 of a loss, 3e+38 of that of a network about to diverge"""
    if metric == "accuracy":
        return percent(value, 1)
    return f"{value:.3f}" if abs(value) < LARGE_LOSS else f"{value:.3g}"
