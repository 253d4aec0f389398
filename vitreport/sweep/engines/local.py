"""Trials in processes on this machine, each of which can die alone.

multiprocessing.Pool, ProcessPoolExecutor, loky and pebble share one queue between all workers: a worker that is
killed while it holds the queue's lock, or (pebble 5.2) before it has taken its first task while none runs, costs all
others their tasks. Here each worker has a pipe of its own, the end of which is the sign of its death.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.resource_tracker import ensure_running
from types import TracebackType
from typing import Self

from vitreport.errors import ResourceError, SpecError
from vitreport.runtime import DEVICE, THREADS, Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.worker import Finished, Ready, Told, serve

MOST_FRUITLESS_STARTS = 3
PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class Died:
    """A worker has ended in the middle of its trial; a negative exit code is that of a signal."""

    exit_code: int


Report = Told | Finished | Died


@dataclass
class _Worker:
    slot: int
    process: SpawnProcess
    connection: Connection
    ready: bool = False
    run_id: str | None = None


def shared_out(jobs: int, device: str, threads: int | None) -> int | None:
    """The threads of each job, so that all jobs together never have more than there are cores.

    One job alone has what `train` has. Raises SpecError where that cannot be.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if jobs > 1 and jobs * (threads or 1) > cores:
        each = f" x {THREADS.given_as(threads)} {threads}" if threads else ""
        fault = f"--jobs {jobs}{each} is more than the {cores} cores"
        raise SpecError(fault, "use fewer: they would only slow each other down")
    if jobs > 1 and device.startswith("cuda:"):
        fault = f"{DEVICE.given_as(device)} {device} is one GPU for --jobs {jobs}"
        raise SpecError(fault, "use --device cuda to share all GPUs among the jobs")
    return threads or (cores // jobs if jobs > 1 else None)


class LocalEngine:
    """At most `jobs` workers; they end with the block, and with this process however it ends.

    Where that is more than there are GPUs, or workers die before they can begin, `jobs` falls and `note` says so.
    """

    def __init__(self, jobs: int, runtime: Runtime, argv: Sequence[str], note: Callable[[str], None]) -> None:
        self.jobs = jobs
        self._runtime = runtime
        self._argv = tuple(argv)
        self._note = note
        self._workers: list[_Worker] = []
        self._fruitless = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            if worker.run_id is None and worker.ready:
                with contextlib.suppress(OSError):
                    worker.connection.send(None)
            else:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(PATIENCE_SECONDS)
            worker.process.kill()
            worker.process.join()

    @property
    def running(self) -> list[str]:
        """The runs that are under way."""
        return [worker.run_id for worker in self._workers if worker.run_id]

    @property
    def has_idle(self) -> bool:
        """Whether a worker waits for a run."""
        return any(worker.ready and worker.run_id is None for worker in self._workers)

    def staff(self, trials: int) -> None:
        """Start workers, so that there is one for each of `trials` more trials, up to `jobs`."""
        wanted = min(self.jobs, len(self.running) + trials)
        free = sorted(set(range(self.jobs)) - {worker.slot for worker in self._workers})
        for slot in free[: max(0, wanted - len(self._workers))]:
            self._workers.append(self._started(slot))

    def submit(self, spec: RunSpec) -> bool:
        """Give a run to a worker that waits for one; False where none does."""
        for worker in self._workers:
            if worker.ready and worker.run_id is None:
                try:
                    worker.connection.send(spec)
                except OSError:  # it has just died; `reports` will find that out
                    continue
                worker.run_id = spec.run_id
                return True
        return False

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        """What the workers have told, by run; waits so long for the first word.

        Raises ResourceError where workers die again and again before they can begin, and no other can train.
        """
        spoken = wait([worker.connection for worker in self._workers], seconds)
        return [
            report for worker in list(self._workers) if worker.connection in spoken for report in self._read(worker)
        ]

    def stop(self) -> None:
        """Ask every run under way to save its state and to end."""
        for worker in self._workers:
            if worker.run_id:
                worker.process.terminate()

    def _started(self, slot: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, self._runtime, slot, self._argv), daemon=True)
        with _interrupts_blocked():
            process.start()
        there.close()  # its end of the pipe is its own: the pipe breaks when it dies
        return _Worker(slot, process, here)

    def _read(self, worker: _Worker) -> Iterator[tuple[str, Report]]:
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, Ready):
                    self._admit(worker, message.gpus)
                elif worker.run_id:
                    yield worker.run_id, message
                    if isinstance(message, Finished):
                        worker.run_id, worker.ready = None, not message.last
        except (EOFError, OSError):
            yield from self._buried(worker)

    def _admit(self, worker: _Worker, gpus: int) -> None:
        """One job a GPU: a worker for which there is none goes home."""
        self._fruitless = 0
        worker.ready = not gpus or worker.slot < gpus
        if not worker.ready:
            self._lower(gpus, f"each job has a GPU of its own, and there {'is 1' if gpus == 1 else f'are {gpus}'}")
            worker.connection.send(None)

    def _buried(self, worker: _Worker) -> Iterator[tuple[str, Report]]:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        exit_code = worker.process.exitcode or 0
        if worker.run_id:
            yield worker.run_id, Died(exit_code)
        elif exit_code:
            self._fruitless += 1
            if self._fruitless >= MOST_FRUITLESS_STARTS:
                self._do_with_fewer(exit_code)

    def _do_with_fewer(self, exit_code: int) -> None:
        """Those that can train go on."""
        reason = f"{self._fruitless} workers have died before they could begin (exit code {exit_code})"
        if not any(worker.ready for worker in self._workers):
            raise ResourceError(reason, "`vitreport doctor` looks for the cause; fewer --jobs need less memory")
        self._fruitless = 0
        self._lower(len(self._workers), reason)

    def _lower(self, jobs: int, reason: str) -> None:
        if jobs < self.jobs:
            self._note(f"warning: {reason}: the sweep goes on with --jobs {jobs} instead of {self.jobs}")
            self.jobs = jobs


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that is started here never hears Ctrl-C: a terminal sends it to all, and the parent passes it on."""
    ensure_running()  # the first process starts it, and it unblocks SIGINT where it is started
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
