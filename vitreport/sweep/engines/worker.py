"""A process that trains one trial after another, so that torch is imported once."""

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from vitreport.errors import ResourceError, StorageError, VitreportError
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.training.events import Event, StepFinished
from vitreport.training.listener import Listener

SECONDS_BETWEEN_STEPS_TOLD = 0.25
INTERNAL = 1  # the exit code of a bug


@dataclass(frozen=True)
class Ready:
    """The worker can train; `gpus` is how many the workers share, 0 where they compute on the CPU."""

    gpus: int


@dataclass(frozen=True)
class Told:
    """Something that happened in the trial that the worker trains: an event, or a line for the user."""

    event: Event | str


@dataclass(frozen=True)
class Finished:
    """The trial has come to an end in good order; the exit code and the lines are those that `train` would give.

    `last` says that the worker ends with it: what is left in its process could touch the next trial. `storage` is the
    error that ended it where a place could not be written.
    """

    exit_code: int
    lines: tuple[str, ...]
    last: bool
    storage: StorageError | None = None


Message = Ready | Told | Finished


def serve(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    """Train what comes through the connection until None does. `slot` counts the workers, and so the GPUs."""
    _end_with_parent()
    if runtime.threads:
        os.environ["OMP_NUM_THREADS"] = str(runtime.threads)
    gpus = _gpus(runtime.device)
    own = replace(runtime, device=f"cuda:{slot}") if gpus else runtime
    connection.send(Ready(gpus))
    while (spec := connection.recv()) is not None:
        finished = _train(spec, own, argv, connection)
        connection.send(finished)
        if finished.last:
            return
        gc.collect()


def _train(spec: RunSpec, runtime: Runtime, argv: Sequence[str], connection: Connection) -> Finished:
    """After a bug or a want of memory the process might be damaged; compiled code is kept by torch, up to a limit."""
    exit_code, lines, storage = 0, list[str](), None
    try:
        _train_unless_done(spec, runtime, argv, _Teller(connection))
    except VitreportError as error:
        exit_code, lines = error.exit_code, error.lines()
        storage = error if isinstance(error, StorageError) else None
    except Exception as error:
        exit_code, lines = INTERNAL, [f"this is a bug of vitreport: {type(error).__name__}: {error}"]
    last = runtime.compile or exit_code in (INTERNAL, ResourceError.exit_code)
    return Finished(exit_code, tuple(lines), last, storage)


def _train_unless_done(spec: RunSpec, runtime: Runtime, argv: Sequence[str], teller: "_Teller") -> None:
    from vitreport.store.finished import finished_run
    from vitreport.store.session import train_run
    from vitreport.training.device import forget_peak_memory

    forget_peak_memory()
    if finished_run(spec, runtime, note=teller.note, progress=teller.progress) is None:
        train_run(spec, runtime, force=False, argv=argv, listener=teller)


@dataclass
class _Teller(Listener):
    """Passes on events and warnings, of the steps only some."""

    connection: Connection
    told: float = 0.0

    def event(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            if time.monotonic() - self.told < SECONDS_BETWEEN_STEPS_TOLD:
                return
            self.told = time.monotonic()
        self.connection.send(Told(event))

    def note(self, line: str) -> None:
        if line.startswith("warning: "):
            self.connection.send(Told(line))


def _gpus(device: str) -> int:
    """How many GPUs are dealt out: none where the CPU or one GPU is asked for by its name."""
    import torch

    return torch.cuda.device_count() if device in ("auto", "cuda") else 0


def _end_with_parent() -> None:
    """However the parent ends, even by SIGKILL, no trainer stays behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=end, daemon=True).start()
