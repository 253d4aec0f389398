"""Workers that do not train: each takes the place of `train_each` in a process of its own."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from tests.sweep.fake_engine import finish
from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended


def training(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Report the process and its device for each trial."""
    while True:
        spec, _ = connection.recv()
        connection.send((spec.run_id, Ended(f"{os.getpid()} {runtime.device}"), False))


def killed_by_odd_seeds(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    connection.send(("", None, False))
    while True:
        spec, _ = connection.recv()
        if spec.seed % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        connection.send((spec.run_id, Ended(str(os.getpid())), False))


def waiting(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Train for ever."""
    with suppress(EOFError):
        while connection.recv():
            pass


def ending_with_each(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    with suppress(EOFError):
        while True:
            spec, _ = connection.recv()
            connection.send((spec.run_id, Ended(str(os.getpid())), True))


def killed_by_seed_0(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Train as many trials at the same time as the runtime says, but die if one of them has seed 0."""
    connection.send(("", None, False))
    with suppress(EOFError):
        while specs := [connection.recv() for _ in range(runtime.trials_per_job)]:
            if 0 in [spec.seed for spec, _ in specs]:
                os.kill(os.getpid(), signal.SIGKILL)
            for spec, _ in specs:
                connection.send((spec.run_id, finish(spec), False))


def broken_by_the_first(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Fail with the first of two trials in such a way that the process must end."""
    (first, _), _ = connection.recv(), connection.recv()
    connection.send((first.run_id, Ended("broken"), True))


def worn_by_the_first(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Fail with the first of two trials, and train the other one to its end."""
    (first, _), (second, _) = connection.recv(), connection.recv()
    connection.send((first.run_id, Ended(str(os.getpid())), True))
    connection.send((second.run_id, Ended(str(os.getpid())), False))
    with suppress(EOFError):
        connection.recv()


def dead_on_arrival(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    os._exit(3)
