"""What happens during a training, and who receives it: a live view, a log, a tracker."""

from dataclasses import dataclass

from vitreport.records.measurement import EpochRecord


@dataclass(frozen=True)
class Started:
    """Sent once, before the first step. `step` is above 0 if the run is resumed."""

    epochs: int
    steps_per_epoch: int
    epoch: int
    step: int


@dataclass(frozen=True)
class StepFinished:
    """Sent after each step. `loss` is None if it has not been read back from the device."""

    epoch: int
    step: int
    learning_rate: float
    loss: float | None


@dataclass(frozen=True)
class EpochFinished:
    """Sent after each epoch. `best_epoch` is the best so far, None if the last epoch is used."""

    record: EpochRecord
    best_epoch: int | None


@dataclass(frozen=True)
class EvaluationStarted:
    """Sent when the final evaluation begins."""

    step: int


Event = Started | StepFinished | EpochFinished | EvaluationStarted


class Listener:
    """Receives the events of a training. Subclass it and override what you need.

    The methods are called in the training process, between two steps. An exception in one of them ends the run.
    """

    def event(self, event: Event) -> None:
        """Receive an event of the loop: Started, StepFinished, EpochFinished or EvaluationStarted."""

    def note(self, line: str) -> None:
        """Receive a message for the user. A warning begins with "warning: "."""

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Receive the progress of preparing the images; `total` is None if it is unknown."""
