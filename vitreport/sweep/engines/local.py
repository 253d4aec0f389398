"""Train trials in processes on this machine; one that dies affects no other.

multiprocessing.Pool, ProcessPoolExecutor, loky and pebble share one queue between all workers: one that is killed while
it holds the queue's lock costs all others their tasks. Here every worker has its own pipe, which breaks when it dies.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess, parent_process
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from typing import Self

from vitreport import errors
from vitreport.formatting import counted
from vitreport.runtime import COMPILE, DEVICE, THREADS, TRIALS_PER_JOB, Runtime, limit_spinning, usable_cores
from vitreport.spec.run import RunSpec
from vitreport.store.signals import StopSignal
from vitreport.sweep.engines.engine import Ended, Report, State

MAX_FAILED_STARTS = 3
MAX_TRIALS_PER_JOB = 32  # torch has as many streams for each GPU, and two runs must not share one
TIMEOUT_SECONDS = 5


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


def uncompiled_if_shared(runtime: Runtime) -> Runtime:
    """Return the runtime of each job, which compiles nothing if several trials share its process.

    Torch limits how many networks of a kind it compiles in one process. Raises SpecError if the user asks for both, or
    for more trials than a process has streams.
    """
    if runtime.trials_per_job > MAX_TRIALS_PER_JOB:
        fault = f"{TRIALS_PER_JOB.given_as(runtime.trials_per_job)}: must be at most {MAX_TRIALS_PER_JOB}"
        raise errors.SpecError(fault, "PyTorch has no more CUDA streams; use --jobs for more trials at the same time")
    if runtime.trials_per_job == 1 or runtime.compile not in ("on", "auto"):
        return runtime
    if runtime.compile == "on":
        several = TRIALS_PER_JOB.given_as(runtime.trials_per_job)
        fault = f"{COMPILE.given_as('on')} on and {several} {runtime.trials_per_job} cannot be used together"
        raise errors.SpecError(fault, f"use {COMPILE.flag} off, or {TRIALS_PER_JOB.flag} 1")
    return replace(runtime, compile="off")


@dataclass
class _Worker:
    slot: int
    process: SpawnProcess
    connection: Connection
    run_ids: list[str] = field(default_factory=list)
    has_begun: bool = False
    must_restart: bool = False


class LocalEngine:
    """Trains in processes on this machine, one per GPU or `jobs` at a time, which end with this one however it ends.

    Each process trains up to `trials_per_job` trials of the runtime at the same time, but only one after a process with
    several has died: each of them may have ended it.
    """

    outlives_command = False

    def __init__(
        self,
        jobs: int,
        runtime: Runtime,
        note: Callable[[str], None] = lambda line: None,
        *,
        argv: Sequence[str] = (),
        jobs_per_gpu: int = 1,
    ) -> None:
        self._most = runtime.trials_per_job
        self._runtimes = [uncompiled_if_shared(runtime)] * jobs  # by slot; each slot has at most one worker
        self._note, self._argv, self._jobs_per_gpu = note, tuple(argv), jobs_per_gpu
        self._workers: list[_Worker] = []
        self._failed_starts = 0  # workers that have ended before they began, since another one was heard of
        self._is_stopping = False

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
        return [run_id for worker in self._workers for run_id in worker.run_ids]

    @property
    def has_room(self) -> bool:
        """Whether a worker can train another trial, or another worker can be started."""
        return bool(self._open) or len(self._workers) < len(self._runtimes)

    @property
    def _open(self) -> list[_Worker]:
        """The workers that can train another trial, idle ones first."""
        found = [worker for worker in self._workers if len(worker.run_ids) < self._most and not worker.must_restart]
        return sorted(found, key=lambda worker: len(worker.run_ids))

    def adopt(self, run_ids: Collection[str]) -> Sequence[str]:
        """Return nothing: workers end with their process."""
        return ()

    def submit(self, spec: RunSpec, data_dir: Path | None = None) -> State:
        """Give a spec to an idle worker, a new one, or the one with the fewest trials."""
        worker = next(iter(self._open), None)
        if worker is None or (worker.run_ids and len(self._workers) < len(self._runtimes)):
            worker = self._start()
        worker.run_ids.append(spec.run_id)
        with suppress(OSError):  # it has just died; `reports` finds out
            worker.connection.send((spec, data_dir or self._runtimes[0].data_dir))
        return "running"

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        """Return what the workers have sent. Raises ResourceError if three in a row have ended before they began."""
        readable = wait([worker.connection for worker in self._workers], seconds)
        workers = [worker for worker in self._workers if worker.connection in readable]
        return [report for worker in workers for report in self._read(worker)]

    def stop(self) -> None:
        """Send SIGTERM to the workers that train."""
        self._is_stopping = True
        for worker in self._workers:
            if worker.run_ids:
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
                run_id, report, must_restart = worker.connection.recv()
                worker.has_begun, self._failed_starts = True, 0
                worker.must_restart |= must_restart
                if report:
                    yield run_id, report
                if isinstance(report, Ended):
                    worker.run_ids.remove(run_id)
                if worker.must_restart and not worker.run_ids:
                    self._remove(worker)
                    return
        except (EOFError, OSError):
            code = self._remove(worker)
            if worker.run_ids:
                end = self._end_of(worker, code)
                yield from [(run_id, end) for run_id in worker.run_ids]

    def _end_of(self, worker: _Worker, code: int) -> Ended:
        """Return how the trials of a dead worker have ended. Raises ResourceError if three in a row never began."""
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._failed_starts += not worker.has_begun
        if self._failed_starts >= MAX_FAILED_STARTS:
            fault = f"{self._failed_starts} workers in a row exited before they began a trial ({cause})"
            guard = "a script must train under `if __name__ == '__main__':`"
            hint = f"{guard}; `vitreport doctor` checks this machine; fewer --jobs need less memory"
            raise errors.ResourceError(fault, hint) from None
        fewer = "--jobs" if self._most == 1 else f"--jobs or a smaller {TRIALS_PER_JOB.flag}"
        memory = f" (out of memory? try fewer {fewer})" if code == -signal.SIGKILL else ""
        is_alone = len(worker.run_ids) == 1 and not worker.must_restart  # else another trial may have caused it
        if not is_alone and self._most > 1 and not self._is_stopping:
            stopped = f"a process with several trials was stopped by {cause}"
            self._note(f"warning: {stopped}; from now on, each process trains one trial")
            self._most = 1
            self._runtimes = [replace(runtime, trials_per_job=1) for runtime in self._runtimes]
        return Ended(f"its worker was stopped by {cause}{memory}", is_temporary=True, is_attempt=is_alone)

    def _remove(self, worker: _Worker) -> int:
        """Wait for the end of a worker that is ending, and return its exit code."""
        worker.connection.close()  # it ends when it has nothing to train
        worker.process.join(TIMEOUT_SECONDS)
        worker.process.kill()
        worker.process.join()
        self._workers.remove(worker)
        return worker.process.exitcode or 0


def train_each(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Train the specs that come through the connection until it is closed, so that torch is imported once."""
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    limit_spinning()  # the Python API has not called it
    if runtime.threads:
        os.environ["OMP_NUM_THREADS"] = str(runtime.threads)
    from vitreport.sweep.engines.trial_worker import TrialWorker  # torch, before it says that it has begun

    worker = TrialWorker(connection, runtime, argv)
    connection.send(("", None, False))
    with suppress(EOFError, StopSignal):
        while worker.train(*connection.recv()):
            pass


def _end_with(parent: BaseProcess) -> None:
    """Wait for the end of a process, even by SIGKILL, and end this one."""
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
