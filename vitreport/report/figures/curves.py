"""Accuracy and loss by epoch."""

from collections.abc import Iterator, Sequence
from itertools import chain

from vitreport.analysis.group_details import Curve
from vitreport.analysis.groups import Group
from vitreport.analysis.titles import where_of
from vitreport.formatting import METHODS, joined, percent
from vitreport.records.measurement import SPLITS
from vitreport.report.blocks import Figure
from vitreport.report.figures.canvas import LOOKS, Canvas

LARGE_LOSS = 1e4
SPLIT_LOOKS = {"train": LOOKS[0], "val": LOOKS[2], "test": LOOKS[1]}
MOST_TIPS = 60
MARKERS = 6


def curves_figure(group: Group, curves: tuple[Curve, ...]) -> Iterator[Figure]:
    """Make the figure of the curves of one metric, if there are any."""
    if not curves:
        return
    first, quantity = curves[0], curves[0].metric.capitalize()
    after = [SPLITS[each.split] for each in curves if each.split != "train"]
    moments = [
        *["train: mean over the batches of an epoch, with any augmentation and dropout"] * (len(after) < len(curves)),
        *[f"{joined(after)}: after the epoch"] * bool(after),
    ]
    band = f"95% bands: {METHODS['t']} (n = {first.n})" if first.n > 1 else "A single run, no bands"
    kept = f" One epoch in {first.stride} is drawn." if first.stride > 1 else ""
    last = joined(_shown(each, first.epochs[-1]) for each in curves)
    yield Figure(
        name=f"{group.id}-{first.metric}",
        kind="curves",
        title=f"{quantity} of {where_of(group)}",
        alt=f"{quantity} of {where_of(group)} at epoch {first.epochs[-1]}: {last}.",
        caption=f"{quantity} by epoch ({'; '.join(moments)}). {band}.{kept}",
        data=curves,
    )


def draw_curves(curves: Sequence[Curve]) -> Canvas:
    """Draw means over seeds with their intervals as bands; the legend has the last value of each."""
    from matplotlib.ticker import MaxNLocator

    metric, means = curves[0].metric, list(chain.from_iterable(curve.mean for curve in curves))
    is_logarithmic = metric == "loss" and min(means) > 0 and max(means) > LARGE_LOSS
    unit = {"accuracy": "", "loss": " (nats, logarithmic)" if is_logarithmic else " (nats)"}[metric]
    legend = {_shown(curve, curve.epochs[-1]): SPLIT_LOOKS[curve.split] for curve in curves}
    panel = Canvas("epoch", title=f"{metric.capitalize()}{unit}", legend=legend)
    axes = panel.axes
    for curve in curves:
        color, dash, marker = SPLIT_LOOKS[curve.split]
        if curve.low and curve.high:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=color, alpha=0.18, linewidth=0)
        spaced = max(1, len(curve.epochs) // MARKERS)
        axes.plot(curve.epochs, curve.mean, color=color, ls=dash, marker=marker, markersize=5, markevery=spaced)
    epochs = sorted({epoch for curve in curves for epoch in curve.epochs})
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    if metric == "accuracy":
        bands = chain.from_iterable((*(curve.low or ()), *(curve.high or ())) for curve in curves)
        panel.share_axis("y", [*means, *bands])
    else:
        axes.set_yscale("log" if is_logarithmic else "linear")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_yticks([], minor=True)
    step = -(-len(epochs) // MOST_TIPS)
    low, high = axes.get_ylim()
    for epoch in epochs[::step]:
        numbers = ", ".join(_shown(each, epoch) for each in curves if epoch in each.epochs)
        panel.tip(epoch - step / 2, low, epoch + step / 2, high, f"epoch {epoch}: {numbers}")
    return panel


def _shown(curve: Curve, epoch: int) -> str:
    """train 56.3% of an accuracy, test 1.234 of a loss, test 3e+38 of that of a network about to diverge"""
    value = curve.mean[curve.epochs.index(epoch)]
    number = f"{value:.3f}" if abs(value) < LARGE_LOSS else f"{value:.3g}"
    return f"{SPLITS[curve.split]} {percent(value, 1) if curve.metric == 'accuracy' else number}"
