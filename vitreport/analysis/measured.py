"""Numbers with what they rest on, and what is measured of a group at length, as plain data.

Accuracies are fractions of images, losses are in nats. Intervals are 95% intervals throughout.
"""

from dataclasses import dataclass
from typing import Literal

from vitreport.formatting import Estimate

Metric = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class Paired:
    """A single run beside that of the group `other` on the same test images: how many each alone has right.

    `p` is that of McNemar's exact test, adjusted by Holm over `comparisons`.
    """

    other: str
    images: int
    alone: int
    other_alone: int
    p: float
    comparisons: int


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
class Cost:
    """What a run takes; times are medians over the runs on the device that is named, memory the most of them."""

    parameters: int
    forward_flops: int
    training_flops: int
    images_per_second: float | None
    seconds: float | None
    peak_memory_bytes: int | None
    device: str
