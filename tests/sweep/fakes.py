"""Workers that do not train: each takes the place of `train_each` in a process of its own."""

import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection

from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended


def training(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Report the process and its device for each trial."""
    while True:
        connection.recv()
        connection.send((Ended(f"{os.getpid()} {runtime.device}"), False))


def killed_by_odd_seeds(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    connection.send((None, False))
    while True:
        if connection.recv().seed % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        connection.send((Ended(str(os.getpid())), False))


def ending_with_each(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    connection.recv()
    connection.send((Ended(str(os.getpid())), True))


def dead_on_arrival(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    os._exit(3)
