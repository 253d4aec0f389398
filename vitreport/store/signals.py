"""Handle the signals that end a program: the first stops a run between two steps, an impatient one at once.

Batch systems and terminals repeat the same request with several signals: Slurm sends SIGUSR1, then SIGTERM; systemd
SIGTERM, then SIGHUP; a limit on CPU time SIGXCPU every second. After the first signal only a SIGINT from a person, or a
SIGTERM after a SIGINT, stops the program before its state is saved.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TAKEN_OVER = (signal.SIGINT, signal.SIGTERM)
"""Handled even if another handler is installed, such as Python's for SIGINT."""

HANDLED = (*TAKEN_OVER, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
"""The signals that people and batch systems end a process with. SIGQUIT is left alone: it asks for a core dump."""


class StopSignal(BaseException):
    """A signal ends the run, wherever the program happens to be."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)


class StopBetweenSteps(StopSignal):
    """Raised where the state of the run is whole and can be saved."""


class StopSignals:
    """While `graceful`, the first signal is remembered until `check`; an impatient one stops the program where it is.

    While not `graceful`, nothing needs to be saved, and the first signal stops the program where it is.
    """

    def __init__(self) -> None:
        self.graceful = False
        self.requested: int | None = None
        self.former: dict[int, signal.Handlers | object] = {}

    def check(self) -> None:
        """Raise StopBetweenSteps if a signal has arrived."""
        if self.requested is not None:
            raise StopBetweenSteps(self.requested)

    def _receive(self, signal_number: int, frame: FrameType | None) -> None:
        first = self.requested
        if first is None:
            self.requested = signal_number
        if first is None and self.graceful:
            return
        # After SIGTERM a batch system may send any signal; a person who asks again is impatient.
        is_again = signal_number == signal.SIGINT or (signal_number == signal.SIGTERM and first == signal.SIGINT)
        if first is None or is_again:
            self.ignore()
            raise StopSignal(signal_number)

    def install(self) -> None:
        """Handle the signals that would end the process. One that is ignored, as under nohup, stays ignored.

        In another thread than the main one nothing is handled: Python allows handlers to be set in that one only.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in HANDLED:
            handler = signal.getsignal(number)
            if handler == signal.SIG_DFL or (number in TAKEN_OVER and callable(handler)):
                self.former[number] = signal.signal(number, self._receive)

    def ignore(self) -> None:
        """Ignore further signals while the program ends."""
        for number in self.former:
            signal.signal(number, signal.SIG_IGN)

    def restore(self) -> None:
        """Restore the former handlers."""
        for number, handler in self.former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


_of_process: list[StopSignals] = []


def handle_until_exit() -> StopSignals:
    """Handle the signals until the process ends, so that none of them can kill it in between."""
    stop = StopSignals()
    stop.install()
    _of_process.append(stop)
    return stop


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Handle the signals inside the block; after it, restore former handlers that are not replaced until the exit."""
    stop = _of_process[-1] if _of_process else StopSignals()
    stop.check()
    if not _of_process:
        stop.install()
    try:
        yield stop
    finally:
        stop.graceful = False
        if not _of_process:
            stop.restore()
