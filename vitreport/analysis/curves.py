"""Curves by epoch: the points that are kept of each run, and the curves of a group, which are means over its seeds."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import mean
from typing import Literal, NamedTuple, get_args

from vitreport.intervals import NOT_NEGATIVE, PROPORTION, t_interval
from vitreport.records.measurement import SPLITS, TRAIN_EVAL, EpochRecord

Metric = Literal["accuracy", "loss"]
MAX_POINTS = 500


@dataclass(frozen=True)
class Curve:
    """The mean over seeds of each epoch, measured after it, or where `is_running` over its batches."""

    split: str
    metric: Metric
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] | None  # Student's interval, or the mean where the seeds do not vary; None for a single run
    high: tuple[float, ...] | None
    n: int
    stride: int = 1  # a curve of very many epochs holds one in every `stride`
    is_running: bool = False  # with augmentation and dropout: of training images that were not measured again


class Points(NamedTuple):
    """One split of one run after each epoch, in little memory."""

    epochs: "array[int]"
    accuracy: "array[float]"
    loss: "array[float]"


def points_of(epochs: Sequence[EpochRecord], planned: int) -> dict[str, Points]:
    """Return the points of a run by split: of very many planned epochs one in every stride, and the last."""
    kept = [each for each in epochs if (planned - each.epoch) % _stride(planned) == 0]
    splits = (*SPLITS, TRAIN_EVAL)
    found = {name: [(each.epoch, each.splits[name]) for each in kept if name in each.splits] for name in splits}
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
        possible = PROPORTION if metric == "accuracy" else NOT_NEGATIVE
        for split in SPLITS:
            name = TRAIN_EVAL if split == "train" and any(TRAIN_EVAL in run for run in runs) else split
            points = [run[name] for run in runs if name in run]
            measured = [dict(zip(each.epochs, getattr(each, metric), strict=True)) for each in points]
            epochs = sorted(set.intersection(*map(set, measured))) if measured else []
            values = [[of_run[epoch] for of_run in measured] for epoch in epochs]
            bands = [t_interval(each, possible) or (each[0], each[0]) for each in values if len(measured) > 1]
            low, high = (tuple(band[end] for band in bands) or None for end in (0, 1))
            if epochs:
                means, stride = tuple(map(mean, values)), _stride(planned)
                yield Curve(split, metric, tuple(epochs), means, low, high, len(measured), stride, name == "train")


def _stride(planned: int) -> int:
    return ceil(planned / MAX_POINTS) or 1
