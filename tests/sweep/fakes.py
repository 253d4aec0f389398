"""Workers that do not train: each takes the place of `serve` in a process of its own."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.engines.worker import Finished, Ready


def training(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    connection.send(Ready(0))
    while connection.recv() is not None:
        connection.send(Finished(Ended(f"slot {slot}")))


def with_one_gpu(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    """The first worker trains until another has been sent home."""
    connection.send(Ready(1))
    while connection.recv() is not None:
        wait_for(Path("home").exists)
        connection.send(Finished(Ended(f"slot {slot}")))
    Path("home").touch()


def killed_by_odd_seeds(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    connection.send(Ready(0))
    while (spec := connection.recv()) is not None:
        if spec.seed % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        connection.send(Finished(Ended(str(os.getpid()))))


def ending_with_each(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    connection.send(Ready(0))
    connection.recv()
    connection.send(Finished(Ended(str(os.getpid())), is_last=True))


def dead_but_the_first(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    """The first worker trains until three others, who wait for it to begin, have died and the engine knows it."""
    if slot:
        wait_for(Path("begun").exists)
        Path(f"died-{os.getpid()}").touch()
        os._exit(3)
    connection.send(Ready(0))
    while connection.recv() is not None:
        Path("begun").touch()
        wait_for(lambda: sum(not Path(f"/proc/{file.name[5:]}").exists() for file in Path().glob("died-*")) >= 3)
        connection.send(Finished(Ended(str(os.getpid()))))


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def dead_on_arrival(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    os._exit(3)
