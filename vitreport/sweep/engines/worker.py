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

from vitreport.errors import BusyError, ResourceError, StoppedError, StorageError, VitreportError
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended, Update
from vitreport.training.events import Event, Listener, StepFinished

SECONDS_BETWEEN_STEPS = 0.25


@dataclass(frozen=True)
class Ready:
    """The worker can train; `gpus` is how many the workers share, 0 where they compute on the CPU."""

    gpus: int


@dataclass(frozen=True)
class Finished:
    """A trial has ended; `is_last` says that the worker ends with it, since its process could affect the next."""

    ended: Ended
    is_last: bool = False


def serve(connection: Connection, runtime: Runtime, slot: int, argv: Sequence[str]) -> None:
    """Train what comes through the connection until None does. `slot` counts the workers, and so the GPUs."""
    _end_with_parent()
    if runtime.threads:
        os.environ["OMP_NUM_THREADS"] = str(runtime.threads)
    gpus = _shared_gpus(runtime.device)
    runtime = replace(runtime, device=f"cuda:{slot}") if gpus else runtime
    connection.send(Ready(gpus))
    while (spec := connection.recv()) is not None:
        finished = _train(spec, runtime, argv, _Forward(connection))
        connection.send(finished)
        if finished.is_last:
            return
        gc.collect()


def _train(spec: RunSpec, runtime: Runtime, argv: Sequence[str], listener: Listener) -> Finished:
    from vitreport.store.run_state import finished_run
    from vitreport.store.session import train_run
    from vitreport.training.device import forget_peak_memory

    try:
        forget_peak_memory()
        if finished_run(spec, runtime, note=listener.note, progress=listener.progress) is None:
            train_run(spec, runtime, force=False, argv=argv, listener=listener)
    except Exception as error:
        # after a bug or without memory the process may be damaged
        is_last = runtime.compile or isinstance(error, ResourceError) or not isinstance(error, VitreportError)
        return Finished(end_after(error), is_last)
    return Finished(Ended(), is_last=runtime.compile)  # torch keeps compiled code, up to a limit


def end_after(error: Exception) -> Ended:
    """Return the end of a trial that an error has ended."""
    if not isinstance(error, VitreportError):
        return Ended(f"this is a bug of vitreport: {type(error).__name__}: {error}")
    storage = error if isinstance(error, StorageError) else None
    return Ended(
        reason="; ".join(error.lines()),
        is_busy=isinstance(error, BusyError),
        is_temporary=isinstance(error, ResourceError | StoppedError) and not storage,
        storage=storage,
    )


class _Forward(Listener):
    """Sends events and warnings to the parent, of the steps only some."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last_step = 0.0

    def event(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            if time.monotonic() - self._last_step < SECONDS_BETWEEN_STEPS:
                return
            self._last_step = time.monotonic()
        self._connection.send(Update(event))

    def note(self, line: str) -> None:
        if line.startswith("warning: "):
            self._connection.send(Update(line))


def _shared_gpus(device: str) -> int:
    """Count the GPUs that are shared out: none where the CPU or one GPU is asked for by its name."""
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
