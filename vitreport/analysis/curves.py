"""Curves by epoch: the points that are kept of each run, and the curves of a group, which are means over its seeds."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal, NamedTuple, get_args

from vitreport.intervals import NOT_NEGATIVE, SHARE, t_interval
from vitreport.records.measurement import SPLITS, EpochRecord

Metric = Literal["accuracy", "loss"]
MOST_POINTS = 500


@dataclass(frozen=True)
class Curve:
    """The mean over seeds of each epoch: of the training split over its batches, of others after it."""

    split: str
    metric: Metric
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] | None  # Student's interval, or the mean where the seeds do not vary; None for a single run
    high: tuple[float, ...] | None
    n: int
    stride: int = 1  # a curve of very many epochs holds one in every `stride`


class Points(NamedTuple):
    """One split of one run after each epoch, in little memory."""

    epochs: "array[int]"
    accuracy: "array[float]"
    loss: "array[float]"


def points_of(epochs: Sequence[EpochRecord], planned: int) -> dict[str, Points]:
    """Return the points of a run by split: of very many planned epochs one in every stride, and the last."""
    kept = [each for each in epochs if (planned - each.epoch) % _stride(planned) == 0]
    found = {name: [(each.epoch, each.splits[name]) for each in kept if name in each.splits] for name in SPLITS}
    return {
        name: Points(
            array("q", [epoch for epoch, _ in measured]),
            array("d", [each.accuracy for _, each in measured]),
            array("d", [each.loss for _, each in measured]),
        )
        for name, measured in found.items()
        if measured
    }


def curves_of(runs: Sequence[Mapping[str, Points]], planned: int) -> Iterator[Curve]:
    """Average the points of the runs of one spec over the epochs that all of them have."""
    for metric in get_args(Metric):
        possible = SHARE if metric == "accuracy" else NOT_NEGATIVE
        for split in SPLITS:
            measured = [
                dict(zip(run[split].epochs, getattr(run[split], metric), strict=True)) for run in runs if split in run
            ]
            epochs = sorted(set.intersection(*map(set, measured))) if measured else []
            values = [[of_run[epoch] for of_run in measured] for epoch in epochs]
            bands = [t_interval(each, possible) or (each[0], each[0]) for each in values if len(measured) > 1]
            low, high = (tuple(band[end] for band in bands) or None for end in (0, 1))
            if epochs:
                means = tuple(map(mean, values))
                yield Curve(split, metric, tuple(epochs), means, low, high, len(measured), _stride(planned))


def _stride(planned: int) -> int:
    return -(-planned // MOST_POINTS) or 1
