"""Train trials in processes on this machine; one that dies affects no other.

multiprocessing.Pool, ProcessPoolExecutor, loky and pebble share one queue between all workers: a worker that is
killed while it holds the queue's lock, or (pebble 5.2) before it has taken its first task while none runs, costs all
others their tasks. Here every worker has its own pipe, which breaks when the worker dies.
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
from vitreport.sweep.engines.engine import Ended, Report
from vitreport.sweep.engines.worker import Finished, Ready, serve

MOST_FRUITLESS_STARTS = 3
REIMPORTED = 97  # the exit code of a worker that has run the script of its parent again
UNGUARDED = 'a worker has run this script again: put what it does under `if __name__ == "__main__":`'
PATIENCE_SECONDS = 5


Serve = Callable[[Connection, Runtime, int, Sequence[str]], None]


@dataclass
class _Worker:
    slot: int
    process: SpawnProcess
    connection: Connection
    ready: bool = False
    run_id: str | None = None


def threads_per_job(jobs: int, device: str, threads: int | None) -> int | None:
    """Return the threads of each job, so that all jobs together never have more than there are cores.

    One job has what `train` has. Raises SpecError where that cannot be.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if jobs > 1 and jobs * (threads or 1) > cores:
        of_each = f" x {THREADS.given_as(threads)} {threads}" if threads else ""
        fault = f"--jobs {jobs}{of_each} is more than the {cores} cores"
        raise SpecError(fault, "use fewer: they would only slow each other down")
    if jobs > 1 and device.startswith("cuda:"):
        fault = f"{DEVICE.given_as(device)} {device} is one GPU for --jobs {jobs}"
        raise SpecError(fault, "use --device cuda to share all GPUs among the jobs")
    return threads or (cores // jobs if jobs > 1 else None)


def end_if_reimported() -> None:
    """End a worker that has not begun but runs the script of its parent, which wants to start workers of its own.

    A new process imports the `__main__` of its parent first. A script that trains a sweep outside
    `if __name__ == "__main__":` would do so again in each.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # as multiprocessing.spawn itself asks
        raise SystemExit(REIMPORTED)


class LocalEngine:
    """Trains in processes on this machine, at most `jobs` at a time; they end with this process however it ends.

    Where `jobs` is more than there are GPUs, or workers die before they can begin, it falls and `note` says so.
    """

    def __init__(
        self,
        jobs: int,
        runtime: Runtime,
        note: Callable[[str], None] = lambda line: None,
        *,
        argv: Sequence[str] = (),
        serve: Serve = serve,
    ) -> None:
        end_if_reimported()
        self.jobs = jobs
        self._runtime = runtime
        self._note = note
        self._argv = tuple(argv)
        self._serve = serve
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
        return [worker.run_id for worker in self._workers if worker.run_id]

    @property
    def has_room(self) -> bool:
        return any(worker.ready and worker.run_id is None for worker in self._workers)

    def prepare(self, trials: int) -> None:
        """Start workers, so that there is one for each of `trials` more trials, up to `jobs`."""
        wanted = min(self.jobs, len(self.running) + trials)
        free = sorted(set(range(self.jobs)) - {worker.slot for worker in self._workers})
        for slot in free[: max(0, wanted - len(self._workers))]:
            self._workers.append(self._start(slot))

    def submit(self, spec: RunSpec) -> bool:
        """Give a spec to a worker that waits for one; return False where none does."""
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
        """Return what the workers have sent.

        Raises:
            ResourceError: Workers die again and again before they can begin, and no other can train; or the first
                one has run the script of this process again.
        """
        readable = wait([worker.connection for worker in self._workers], seconds)
        workers = [worker for worker in self._workers if worker.connection in readable]
        return [report for worker in workers for report in self._read(worker)]

    def stop(self) -> None:
        for worker in self._workers:
            if worker.run_id:
                worker.process.terminate()

    def _start(self, slot: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=self._serve, args=(there, self._runtime, slot, self._argv), daemon=True)
        with _interrupts_blocked():
            process.start()
        there.close()  # so that the pipe breaks when the worker dies
        return _Worker(slot, process, here)

    def _read(self, worker: _Worker) -> Iterator[tuple[str, Report]]:
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, Ready):
                    self._admit(worker, message.gpus)
                elif worker.run_id and isinstance(message, Finished):
                    yield worker.run_id, message.ended
                    worker.run_id, worker.ready = None, not message.is_last
                elif worker.run_id:
                    yield worker.run_id, message
        except (EOFError, OSError):
            yield from self._remove(worker)

    def _admit(self, worker: _Worker, gpus: int) -> None:
        """Limit workers to one per GPU; surplus workers exit."""
        self._fruitless = 0
        worker.ready = not gpus or worker.slot < gpus
        if not worker.ready:
            self._lower(gpus, f"each job has a GPU of its own, and there {'is 1' if gpus == 1 else f'are {gpus}'}")
            worker.connection.send(None)

    def _remove(self, worker: _Worker) -> Iterator[tuple[str, Report]]:
        """Remove a worker that has ended, maybe in the middle of its trial."""
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        exit_code = worker.process.exitcode or 0
        if worker.run_id:
            cause = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
            memory = " (out of memory?)" if exit_code == -signal.SIGKILL else ""
            yield worker.run_id, Ended(f"its worker was ended by {cause}{memory}", is_temporary=True)
        elif exit_code == REIMPORTED:
            raise ResourceError(UNGUARDED)
        elif exit_code:
            self._fruitless += 1
            if self._fruitless >= MOST_FRUITLESS_STARTS:
                reason = f"{self._fruitless} workers have died before they could begin (exit code {exit_code})"
                if not any(other.ready for other in self._workers):
                    raise ResourceError(reason, "`vitreport doctor` looks for the cause; fewer --jobs need less memory")
                self._fruitless = 0
                self._lower(len(self._workers), reason)

    def _lower(self, jobs: int, reason: str) -> None:
        if jobs < self.jobs:
            self._note(f"warning: {reason}: the sweep continues with --jobs {jobs} instead of {self.jobs}")
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
