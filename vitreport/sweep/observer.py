"""Who receives the progress of sweeps, and what a sweep does after failures."""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.records.reader import Run
from vitreport.sweep.plan import Plan
from vitreport.training.events import Event


class Observer:
    """Receives the progress of sweeps. Subclass it and override what you need."""

    def begin(self, plans: Sequence[Plan]) -> None:
        """Receive the plans of all sweeps, before the first trial begins."""

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        """Receive the new state of a trial, with its record; `why` says what went wrong."""

    def event(self, run_id: str, event: Event) -> None:
        """Receive an event of a training. Only some steps are reported, or none, depending on the engine."""

    def note(self, line: str) -> None:
        """Receive a message for the user. A warning begins with "warning: "."""

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Receive the progress of preparing the images; `total` is None if it is unknown."""


@dataclass(frozen=True)
class Policy:
    """What to do after failures. Diverged runs are never retried; `fail_fast` stops at the first failed trial.

    `detach` hands the trials to the engine and does not wait for them.
    """

    retry_failed: bool = False
    fail_fast: bool = False
    detach: bool = False
