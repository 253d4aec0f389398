"""Requests to submit jobs that Slurm has not answered: the jobs may be in the queue now, later or never."""

from collections.abc import Collection
from dataclasses import dataclass, field

from vitreport.sweep.engines.slurm_commands import ENDED, Queue, QueuedJob


@dataclass
class LostRequests:
    """The names of such jobs, and those of them that were never in the queue."""

    names: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Remember a request whose answer may get lost."""
        self.names.add(name)
        self.unseen.add(name)

    def discard(self, name: str) -> None:
        """Forget a request that Slurm has answered."""
        self.names.discard(name)
        self.unseen.discard(name)

    def jobs(self, queue: Queue, known: Collection[str] = ()) -> list[QueuedJob]:
        """Return jobs of these requests in the queue that have not ended, without those with known ids."""
        self.unseen -= {name for name, _ in queue}
        lost = [job for (name, _), job in queue.items() if name in self.names]
        return [job for job in lost if job.state not in ENDED and job.id not in known]
