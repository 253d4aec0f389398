"""What is shown of one group at length: curves, classes, confusion, calibration and mistakes, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vitreport.formatting import Estimate, joined, percent
from vitreport.records.measurement import SPLITS

Metric = Literal["accuracy", "loss"]
LARGE_LOSS = 1e4


@dataclass(frozen=True)
class Curve:
    """The mean over seeds of each epoch: of the training split over its batches, of others after it.

    `low` and `high` are the t interval, None for a single run; where the seeds do not vary both are the mean.

    A curve of very many epochs holds one in every `stride`.
    """

    split: str
    metric: Metric
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    n: int
    stride: int = 1


@dataclass(frozen=True)
class ClassAccuracy:
    name: str
    accuracy: Estimate


@dataclass(frozen=True)
class Confusion:
    """`counts[i][j]` counts test images of class i taken for class j, over `n` seeds."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n: int


@dataclass(frozen=True)
class CalibrationBin:
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Test images of `n` seeds by confidence, and the expected calibration error (Guo et al. 2017)."""

    error: Estimate
    bins: tuple[CalibrationBin, ...]
    n: int


@dataclass(frozen=True)
class Mistake:
    """A test image, by its place in the split, that was taken for another class; classes by name."""

    index: int
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Mistakes:
    """The most confident mistakes of the run with this seed, of `wrong` among `count` test images.

    `png` is their contact sheet in base64, as `store.mistakes` lays it out, each image `side` pixels wide.
    """

    seed: int
    mistakes: tuple[Mistake, ...]
    wrong: int
    count: int
    side: int
    png: str


@dataclass(frozen=True)
class Damage:
    """A file of a record that could not be read, and why; `place` is relative to the folder of the runs."""

    place: str
    reason: str


@dataclass(frozen=True)
class Details:
    """What is shown of one group at length; each part is empty or None where no run has it.

    `damage` is what was found only when it was looked for.
    """

    curves: tuple[Curve, ...] = ()
    classes: tuple[ClassAccuracy, ...] = ()
    confusion: Confusion | None = None
    calibration: Calibration | None = None
    mistakes: Mistakes | None = None
    damage: tuple[Damage, ...] = ()


def moments(splits: Sequence[str]) -> str:
    """What the points of curves are: train: mean over the batches of an epoch, ...; validation: after the epoch"""
    told = ["train: mean over the batches of an epoch, with any augmentation and dropout"] if "train" in splits else []
    if after := [SPLITS[split] for split in splits if split != "train"]:
        told.append(f"{joined(after)}: after the epoch")
    return "; ".join(told)


def measured(metric: Metric, value: float) -> str:
    """56.3% of an accuracy, 1.234 of a loss, 3e+38 of that of a network about to diverge"""
    if metric == "accuracy":
        return percent(value, 1)
    return f"{value:.3f}" if abs(value) < LARGE_LOSS else f"{value:.3g}"
