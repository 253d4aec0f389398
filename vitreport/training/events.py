"""What the loop tells while it runs; whoever listens draws it or writes it down."""

from dataclasses import dataclass

from vitreport.records.measurement import EpochRecord


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
    """`best_epoch` is the best so far, None where the validation split does not choose the weights."""

    record: EpochRecord
    best_epoch: int | None


@dataclass(frozen=True)
class EvaluationStarted:
    """The final evaluation begins."""

    step: int


Event = Started | StepFinished | EpochFinished | EvaluationStarted
