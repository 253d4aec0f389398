"""Numbers with what they rest on, and what is measured of a group at length, as plain data.

Accuracies are fractions of images, losses are in nats. Intervals are 95% intervals throughout.
"""

from dataclasses import dataclass
from typing import Literal

Metric = Literal["accuracy", "loss"]
Method = Literal["t", "wilson", "welch", "newcombe", "none", "equal"]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what that rests on.

    "t" is Student's interval of the mean over `n` seeds, "welch" that of a difference of two such means; of a
    single run "wilson" is the interval of a share of `images`, "newcombe" that of a difference of two shares.
    "none" has no interval: one seed of something that is no share; nor has "equal": `n` seeds that came to the same
    number do not tell how far others would lie apart. An interval is cut to what is possible: no accuracy is below 0
    or above 1, no loss below 0, no difference of accuracies beyond -1 and 1. `p` is that of the difference being 0,
    adjusted by Holm over `comparisons`.
    """

    value: float
    low: float | None
    high: float | None
    method: Method
    n: int
    images: int | None = None
    p: float | None = None
    comparisons: int = 1

    @property
    def reach(self) -> float:
        """How far the further end of the interval is from the value: its half-width before it was cut.

        What is possible cuts the shorter side only, unless it cuts both. 0 without an interval.
        """
        if self.low is None or self.high is None:
            return 0.0
        return max(self.value - self.low, self.high - self.value)


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
