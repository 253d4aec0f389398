"""Train trials in processes on this machine; one that dies affects no other.

multiprocessing.Pool, ProcessPoolExecutor, loky and pebble share one queue between all workers: one that is killed while
it holds the queue's lock costs all others their tasks. Here every worker has its own pipe, which breaks when it dies.
"""

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess, parent_process
from multiprocessing.resource_tracker import ensure_running
from typing import Self

from vitreport import errors
from vitreport.formatting import counted
from vitreport.runtime import DEVICE, THREADS, Runtime, limit_spinning, usable_cores
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended, Report, State
from vitreport.sweep.engines.trial import end_after, train_trial
from vitreport.training.events import Event, Listener, StepFinished

MOST_FRUITLESS_STARTS = 3
SECONDS_BETWEEN_STEPS = 0.25
PATIENCE_SECONDS = 5


def threads_per_job(jobs: int, device: str, threads: int | None, jobs_per_gpu: int = 1) -> int | None:
    """Return the threads of each job. Raises SpecError for more threads than cores, or too many jobs for one GPU."""
    if jobs == 1:
        return threads
    cores = usable_cores()
    if jobs * (threads or 1) > cores:
        per_job = f" x {THREADS.given_as(threads)} {threads}" if threads else ""
        fault = f"--jobs {jobs}{per_job} is more than the {cores} cores"
        raise errors.SpecError(fault, "use fewer jobs: they would only slow each other down")
    if device.startswith("cuda:") and jobs > jobs_per_gpu:
        fault = f"{DEVICE.given_as(device)} {device} is one GPU, but --jobs is {jobs}"
        raise errors.SpecError(fault, "use --device cuda to spread the jobs over all GPUs, or --jobs-per-gpu")
    return threads or cores // jobs


@dataclass
class _Worker:
    slot: int
    process: SpawnProcess
    connection: Connection
    run_id: str | None = None
    has_begun: bool = False


class LocalEngine:
    """Trains in processes on this machine, one per GPU or `jobs` at a time, which end with this one however it ends."""

    def __init__(
        self,
        jobs: int,
        runtime: Runtime,
        note: Callable[[str], None] = lambda line: None,
        *,
        argv: Sequence[str] = (),
        jobs_per_gpu: int = 1,
    ) -> None:
        self._runtimes = [runtime] * jobs  # by slot; each slot has at most one worker
        self._note, self._argv, self._jobs_per_gpu = note, tuple(argv), jobs_per_gpu
        self._workers: list[_Worker] = []
        self._fruitless = 0  # workers that have ended before they began, since another one was heard of

    def check(self) -> None:
        """Raise SpecError or ResourceError if the device cannot be used."""
        from vitreport.training.device import choose_device

        choose_device(self._runtimes[0].device)

    def __enter__(self) -> Self:
        import torch

        self.check()
        jobs, runtime = len(self._runtimes), self._runtimes[0]
        if gpus := torch.cuda.device_count() if runtime.device in ("auto", "cuda") else 0:
            slots = range(min(gpus * self._jobs_per_gpu, jobs))
            self._runtimes = [replace(runtime, device=f"cuda:{slot % gpus}") for slot in slots]
        if (most := len(self._runtimes)) < jobs:
            reason = f"{counted(gpus, 'GPU')} with --jobs-per-gpu {self._jobs_per_gpu}"
            self._note(f"warning: {reason}: the sweep continues with --jobs {most} instead of {jobs}")
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what is still running."""
        for worker in list(self._workers):
            worker.process.kill()
            self._remove(worker)

    @property
    def running(self) -> list[str]:
        """The ids of the runs that are being trained."""
        return [worker.run_id for worker in self._workers if worker.run_id]

    @property
    def has_room(self) -> bool:
        """Whether a worker is idle, or another can be started."""
        return len(self.running) < len(self._runtimes)

    def adopt(self, run_ids: Collection[str]) -> Sequence[str]:
        """Return nothing: workers end with their process."""
        return ()

    def submit(self, spec: RunSpec) -> State:
        """Give a spec to an idle worker or a new one."""
        worker = next((worker for worker in self._workers if not worker.run_id), None) or self._start()
        worker.run_id = spec.run_id
        with suppress(OSError):  # it has just died; `reports` finds out
            worker.connection.send(spec)
        return "running"

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        """Return what the workers have sent.

        Raises ResourceError if three in a row have ended before they began, FullDiskError if one could not write.
        """
        readable = wait([worker.connection for worker in self._workers], seconds)
        workers = [worker for worker in self._workers if worker.connection in readable]
        return [report for worker in workers for report in self._read(worker)]

    def stop(self) -> None:
        """Send SIGTERM to the workers that train."""
        for worker in self._workers:
            if worker.run_id:
                worker.process.terminate()

    def _start(self) -> _Worker:
        slot = min(set(range(len(self._runtimes))) - {worker.slot for worker in self._workers})
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=train_each, args=(there, self._runtimes[slot], self._argv), daemon=True)
        ensure_running()  # the first process starts it, and it unblocks SIGINT where it is started
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:  # the process never hears Ctrl-C: a terminal sends it to all, and this process passes it on
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
        there.close()  # so that the pipe breaks when the worker dies
        self._workers.append(_Worker(slot, process, here))
        return self._workers[-1]

    def _read(self, worker: _Worker) -> Iterator[tuple[str, Report]]:
        try:
            while worker.connection.poll():
                report, is_last = worker.connection.recv()
                worker.has_begun, self._fruitless = True, 0
                if isinstance(report, errors.FullDiskError):
                    raise report
                if worker.run_id and report:
                    yield worker.run_id, report
                if isinstance(report, Ended):
                    worker.run_id = None
                if is_last:
                    self._remove(worker)
                    return
        except (EOFError, OSError):
            code = self._remove(worker)
            if worker.run_id:
                cause = f"signal {-code}" if code < 0 else f"exit code {code}"
                self._fruitless += not worker.has_begun
                if self._fruitless >= MOST_FRUITLESS_STARTS:
                    fault = f"{self._fruitless} workers in a row exited before they began a trial ({cause})"
                    guard = "a script must train under `if __name__ == '__main__':`"
                    hint = f"{guard}; `vitreport doctor` checks this machine; fewer --jobs need less memory"
                    raise errors.ResourceError(fault, hint) from None
                memory = " (out of memory? try fewer --jobs)" if code == -signal.SIGKILL else ""
                yield worker.run_id, Ended(f"its worker was stopped by {cause}{memory}", is_temporary=True)

    def _remove(self, worker: _Worker) -> int:
        """Wait for the end of a worker that is ending, and return its exit code."""
        worker.process.join(PATIENCE_SECONDS)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        return worker.process.exitcode or 0


def train_each(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Train the specs that come through the connection, so that torch is imported once; send reports.

    The process ends after a trial that has failed, which may have damaged it, or left compiled code, and says so.
    """
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    limit_spinning()  # the Python API has not called it
    if runtime.threads:
        os.environ["OMP_NUM_THREADS"] = str(runtime.threads)
    import vitreport.store.session  # noqa: F401  # torch, before it says that it has begun
    from vitreport.training.compilation import has_compiled

    connection.send((None, False))
    is_last = False
    while not is_last:
        spec = connection.recv()
        ended: Ended | errors.FullDiskError = Ended()
        try:
            train_trial(spec, runtime, argv, _Forward(connection))
        except Exception as error:
            ended, is_last = end_after(error), True
        is_last |= has_compiled()
        gc.collect()
        connection.send((ended, is_last))


class _Forward(Listener):
    def __init__(self, connection: Connection) -> None:
        self._connection, self._last_step = connection, 0.0

    def event(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            if time.monotonic() - self._last_step < SECONDS_BETWEEN_STEPS:
                return
            self._last_step = time.monotonic()
        self._connection.send((event, False))

    def note(self, line: str) -> None:
        if line.startswith("warning: "):
            self._connection.send((line, False))


def _end_with(parent: BaseProcess) -> None:
    """Wait for the end of a process, even by SIGKILL, and end this one."""
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
