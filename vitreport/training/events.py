"""What the loop tells while it runs; whoever listens draws it or writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SplitMetrics:
    """Mean loss (nats) and accuracy (a fraction) over the images of one split."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Started:
    """Sent once, before the first step; `step` is above 0 where a run is resumed."""

    epochs: int
    steps_per_epoch: int
    epoch: int
    step: int


@dataclass(frozen=True)
class StepFinished:
    """`loss` is None for steps whose loss has not been read back from the device."""

    epoch: int
    step: int
    images: int
    learning_rate: float
    loss: float | None


@dataclass(frozen=True)
class EpochFinished:
    """`epoch` counts from 1; `learning_rate` is that of its last step; `seconds` leaves out the evaluation."""

    epoch: int
    step: int
    learning_rate: float
    splits: Mapping[str, SplitMetrics]
    best_epoch: int | None
    images_per_second: float
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class EvaluationStarted:
    """The final evaluation begins."""

    step: int


Event = Started | StepFinished | EpochFinished | EvaluationStarted
