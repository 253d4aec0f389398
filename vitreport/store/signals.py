"""SIGINT and SIGTERM: the first asks a run to stop between two steps, another stops it at once.

A second SIGTERM changes nothing: a batch system sends one to each process, and a sweep passes its own on.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal(BaseException):
    """A signal ends the run."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)


class StopBetweenSteps(StopSignal):
    """Raised where the state of the run is whole and can be saved."""


class StopAtOnce(StopSignal):
    """Raised wherever the program happens to be."""


class StopSignals:
    """While `graceful`, the first signal is remembered until `check`; another stops the program where it is."""

    def __init__(self) -> None:
        self.graceful = False
        self.requested: int | None = None

    def check(self) -> None:
        """Raise StopBetweenSteps where a signal has come."""
        if self.requested is not None:
            raise StopBetweenSteps(self.requested)

    def receive(self, signal_number: int, frame: FrameType | None) -> None:
        repeated = self.requested == signal_number == signal.SIGTERM
        if not self.graceful or (self.requested is not None and not repeated):
            signal.signal(signal_number, signal.SIG_IGN)
            raise StopAtOnce(signal_number)
        self.requested = signal_number


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Handle SIGINT and SIGTERM inside the block; the former handlers come back after it."""
    stop = StopSignals()
    former = {number: signal.signal(number, stop.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
