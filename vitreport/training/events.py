"""What happens during a training, and who receives it: a live view, a log, a tracker."""

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


class Listener:
    """Receives what happens during a training; a subclass overrides what it needs.

    The methods are called in the process that trains, between two steps. An exception that one raises ends the run.
    """

    def event(self, event: Event) -> None:
        """Receive an event of the loop: Started, StepFinished, EpochFinished or EvaluationStarted."""

    def note(self, line: str) -> None:
        """Receive a line for the user; a warning begins with "warning: "."""

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Receive how far the preparation of the images is; `total` is None where it is not known."""
