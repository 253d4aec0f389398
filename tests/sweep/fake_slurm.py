"""A Slurm in this process: its jobs train nothing; each look at the queue lets the jobs that run end."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.records import write_run
from vitreport.errors import ResourceError
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.engines.slurm_commands import NoAnswerError, QueuedJob
from vitreport.sweep.engines.submission import Job, read_trial

Place = tuple[str, str]


def finish(spec: RunSpec, job: Job) -> str:
    """Put a run on record as done, as a job does."""
    write_run(Path("runs"), spec)
    job.write_end(Ended())
    return "COMPLETED"


@dataclass
class FakeSlurm:
    """`work` does the work of a job and returns its last state; "" makes the job vanish."""

    work: Callable[[RunSpec, Job], str] = finish
    queue: dict[Place, QueuedJob] = field(default_factory=dict)
    scripts: dict[Place, Job] = field(default_factory=dict)
    arrays: list[tuple[int, int, list[str]]] = field(default_factory=list)
    """Of each array its size, how many of it may run, and the arrays that it waits for."""
    options: list[str] = field(default_factory=list)
    outages: int = 0
    """How many more requests are not answered."""
    is_lossy: bool = False
    """Whether answers to sbatch get lost, though the jobs are in the queue."""
    is_idle: bool = False
    """Whether no job begins."""
    largest_array: int = 1000
    reason: str = ""
    """Why jobs wait."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("submit_array", "own_jobs", "stop_jobs", "kill_jobs"):
            monkeypatch.setattr(f"vitreport.sweep.engines.slurm_commands.{name}", getattr(self, name))
        monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.check_slurm", lambda: None)

    def submit_array(
        self, script: Path, name: str, count: int, most: int, options: Sequence[str], after: Iterable[str] = ()
    ) -> str:
        self._answer()
        if count > self.largest_array:
            raise ResourceError("Slurm refused the jobs: Invalid job array specification")
        self.arrays.append((count, most, list(after)))
        self.options = list(options)
        for number in range(count):
            self.queue[name, str(number)] = QueuedJob(f"{len(self.arrays)}_{number}", "PENDING")
            self.scripts[name, str(number)] = Job(script.parent, number)
        if self.is_lossy:
            self.is_lossy = False
            raise NoAnswerError("Socket timed out on send/recv operation")
        return str(len(self.arrays))

    def own_jobs(self, timeout: float = 0) -> dict[Place, QueuedJob]:
        self._answer()
        for place, queued in list(self.queue.items()):
            if queued.state == "RUNNING" and place in self.scripts:
                spec, _, _ = read_trial(self.scripts[place])
                state = self.work(spec, self.scripts[place])
                self.queue[place] = QueuedJob(queued.id, state)
                if not state:
                    del self.queue[place]
            elif queued.state == "PENDING":
                self.queue[place] = QueuedJob(queued.id, "PENDING" if self.is_idle else "RUNNING", self.reason)
        return dict(self.queue)

    def stop_jobs(self, ids: Sequence[str], timeout: float = 0) -> None:
        self._answer()
        for place, queued in self.queue.items():
            if queued.id in ids:
                self.queue[place] = QueuedJob(queued.id, "CANCELLED")

    def kill_jobs(self, ids: Sequence[str], timeout: float = 0) -> None:
        self.stop_jobs(ids)

    def _answer(self) -> None:
        self.outages -= 1
        if self.outages >= 0:
            raise NoAnswerError("Slurm does not answer: connect failure")
