"""Who is told what happens during a training: a live view, a log, a tracker."""

from collections.abc import Sequence

from vitreport.training.events import Event


class Listener:
    """Receives what happens during a training; a subclass overrides what it needs.

    The methods are called in the process that trains, between two steps. An exception that one raises ends the run.
    """

    def event(self, event: Event) -> None:
        """Receive an event of the loop: Started, StepFinished, EpochFinished or EvaluationStarted."""

    def note(self, line: str) -> None:
        """Receive a line for the user; "warning: " stands before a warning."""

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Receive how far the preparation of the images is; `total` is None where it is not known."""


class Listeners(Listener):
    """Several listeners as one, in their order."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)

    def event(self, event: Event) -> None:
        for listener in self._listeners:
            listener.event(event)

    def note(self, line: str) -> None:
        for listener in self._listeners:
            listener.note(line)

    def progress(self, label: str, done: int, total: int | None) -> None:
        for listener in self._listeners:
            listener.progress(label, done, total)
