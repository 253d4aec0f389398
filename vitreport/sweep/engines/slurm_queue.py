"""Find the jobs of runs in the queue of Slurm."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from vitreport.sweep.engines import slurm_commands
from vitreport.sweep.engines.engine import State
from vitreport.sweep.engines.slurm_commands import ENDED, Queue, QueuedJob
from vitreport.sweep.engines.submission import FOLDER, Job, read_jobs

PREFIX = "vitreport-"
WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD")


@dataclass
class Submitted:
    """A job in the queue, and what is known about it."""

    job: Job
    id: str
    state: State = "waiting"
    polls: int = 0  # since its job was seen to have ended, without saying how

    @property
    def place(self) -> tuple[str, str]:
        """Its name and number in the queue."""
        return PREFIX + self.job.folder.name, str(self.job.number)


def state_of(job: QueuedJob) -> State:
    """Return whether a job that has not ended waits or runs."""
    return "waiting" if job.state in WAITING else "running"


def active_jobs(folder: Path, queue: Queue) -> dict[str, Submitted]:
    """Return the jobs in the queue that have been submitted from a folder, by the ids of the runs."""
    active = {place: each for place, each in queue.items() if each.state not in ENDED}
    names = {name for name, _ in active if name.startswith(PREFIX)}
    known = {name: read_jobs(folder / name.removeprefix(PREFIX)) for name in names}
    return {
        run_id: Submitted(job, active[name, str(job.number)].id)
        for name, jobs in known.items()
        for run_id, job in jobs.items()
        if (name, str(job.number)) in active
    }


def queued_states(runs_dir: Path) -> dict[str, State]:
    """Return whether the jobs of runs in a directory wait or run, by the ids of the runs; none without Slurm.

    Raises ResourceError if Slurm does not answer.
    """
    if not (folder := runs_dir / FOLDER).is_dir() or not shutil.which("squeue"):
        return {}
    queue = slurm_commands.own_jobs()
    return {run_id: state_of(queue[each.place]) for run_id, each in active_jobs(folder, queue).items()}
