"""The commands of Slurm: sbatch, squeue and scancel. States come from squeue: sacct needs a database that many lack."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitreport.errors import ResourceError
from vitreport.formatting import joined
from vitreport.spec.engine import LOOK, SECONDS_TO_SAVE
from vitreport.sweep.engines.slurm_reasons import hint_for, is_about_full_queue

PROGRAMS = ("sbatch", "squeue", "scancel")
TIMEOUT_SECONDS = 120
TIMEOUT_AFTER_STOP_SECONDS = 10
SECONDS_UNTIL_FULL = 8
"""When the queue is full, sbatch tries again after 1, 3, 6 and 10 s, and so on for 120 s; it is ended in between."""
FLAGS = {"memory": "mem", "gpus": "gpus-per-node", "cpus": "cpus-per-task"}
"""What options of the engine are called by sbatch; the others have the same name."""
ENDED = {
    "BOOT_FAIL": "was lost: its node did not start",
    "CANCELLED": "was cancelled",
    "COMPLETED": "ended without a result",
    "DEADLINE": "reached its deadline",
    "FAILED": "failed",
    "NODE_FAIL": "was lost: its node failed",
    "OUT_OF_MEMORY": "ran out of memory; hint: use the engine option memory=SIZE",
    "PREEMPTED": "was preempted by another job",
    "TIMEOUT": "reached its time limit; hint: give more time with the engine option time=MINUTES",
}
"""What is said of a job in each of the states in which it has ended."""
_NO_ANSWER = re.compile(
    r"unable to contact|connect failure|timed out|zero bytes|connection refused|munge|authentication|backup controller"
    r"|slurm_persist|communication|standby mode|rate limit|temporarily|configuration source",
    re.IGNORECASE,
)
RETRYING = ", sleeping and retrying"
_PREFIX = r"^(sbatch: |squeue: |scancel: )?((error|fatal|allocation failure|Batch job submission failed): )*"


class NoAnswerError(ResourceError):
    """The controller of the cluster cannot be reached; it may have received the request."""


@dataclass(frozen=True)
class QueuedJob:
    """A line of squeue: the id, as scancel takes it, the state, and the reason, for example why the job waits."""

    id: str
    state: str
    reason: str = ""


Queue = Mapping[tuple[str, str], QueuedJob]
"""Jobs by name and number in their array."""


def check_slurm() -> None:
    """Raise ResourceError if the commands of Slurm are not installed here."""
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        hint = "run this command where Slurm is installed, such as on a login node, or use --engine local"
        raise ResourceError(f"{joined(missing)} not found", hint)


def batch_options(options: Mapping[str, str | int]) -> list[str]:
    """Return options of the engine as sbatch takes them."""
    return [f"--{FLAGS.get(name, name)}={value}" for name, value in options.items() if name != LOOK]


def submit_array(
    script: Path, name: str, count: int, most_running: int, options: Sequence[str], after: Iterable[str] = ()
) -> str:
    """Submit a script as an array of jobs, with this name, and return the id of the array.

    `after` has ids of arrays that must have ended before. Each job gets SIGTERM before its time limit, and is put back
    into the queue if its node fails or another job takes its place.
    """
    dependency = [f"--dependency=afterany:{':'.join(after)}"] if after else []
    own = [
        f"--job-name={name}",
        array_option(count, most_running),
        f"--output={_pattern(script.parent.absolute())}/%a.log",
        f"--signal=B:TERM@{SECONDS_TO_SAVE}",
        *("--ntasks=1", "--requeue", "--open-mode=append"),
    ]
    return _call("sbatch", "--parsable", *own, *dependency, *options, str(script)).strip().partition(";")[0]


def array_option(count: int, most_running: int) -> str:
    """Return the option of sbatch for the number of jobs and for how many of them may run at the same time."""
    return f"--array=0-{count - 1}%{most_running}"


def check_array(count: int, most_running: int, options: Sequence[str]) -> None:
    """Ask Slurm whether it accepts such an array, without submitting it. Raises ResourceError if it does not.

    Slurm does not check all limits here, so jobs that it accepts may still wait forever.
    """
    _call("sbatch", "--test-only", "--ntasks=1", array_option(count, most_running), *options, "--wrap=true")


def _pattern(folder: Path) -> str:
    return str(folder).replace("\\", "\\\\").replace("%", "%%")


def own_jobs(timeout: float = TIMEOUT_SECONDS) -> dict[tuple[str, str], QueuedJob]:
    """Return the jobs of this user, also those that have just ended, by name and number in their array."""
    lines = _call("squeue", "--me", "--noheader", "--array", "--states=all", "--format=%F|%K|%T|%r|%j", timeout=timeout)
    parts = [line.strip().split("|", 4) for line in lines.splitlines()]
    return {(each[4], each[1]): QueuedJob(f"{each[0]}_{each[1]}", *each[2:4]) for each in parts if len(each) == 5}


def stop_jobs(ids: Sequence[str], timeout: float = TIMEOUT_SECONDS) -> None:
    """Remove jobs from the queue, and send SIGTERM to those that run, so that they save what they have."""
    if ids:
        _call("scancel", "--quiet", "--state=PENDING", *ids, timeout=timeout)
        _call("scancel", "--quiet", "--full", "--signal=TERM", *ids, timeout=timeout)


def kill_jobs(ids: Sequence[str], timeout: float = TIMEOUT_SECONDS) -> None:
    """End jobs at once."""
    if ids:
        _call("scancel", "--quiet", *ids, timeout=timeout)


def _call(*command: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """Run a command of Slurm and return what it prints.

    Raises NoAnswerError, or ResourceError if Slurm has refused the request.
    """
    program = command[0]
    try:
        done = _run(command, timeout)
    except FileNotFoundError:  # it was there before, perhaps on a file system that is away for a moment
        raise NoAnswerError(f"{program} not found", "check whether Slurm is still installed") from None
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"{program} has not answered for {timeout:g} s", "check the cluster") from None
    # scancel fails for jobs that are in another state than it looks for, or have just ended
    if not done.returncode or (program == "scancel" and not _NO_ANSWER.search(done.stderr)):
        return done.stdout
    lines = [re.sub(_PREFIX, "", line).removesuffix(RETRYING) for line in done.stderr.strip().splitlines()]
    reason = "; ".join(line for line in lines if not line.startswith("Try ")) or f"exit code {done.returncode}"
    if program != "sbatch" or (_NO_ANSWER.search(reason) and not is_about_full_queue(reason)):
        raise NoAnswerError(f"Slurm does not answer: {reason}", "check the cluster with `sinfo`, then try again")
    raise ResourceError(f"Slurm refused the jobs: {reason}", hint_for(reason))


def _run(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own, which Ctrl-C does not reach; do not wait for room in the queue."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, errors="replace", start_new_session=True
    ) as process:
        try:
            waited = 0.0
            while True:
                try:
                    output, said = process.communicate(timeout=min(timeout - waited, SECONDS_UNTIL_FULL))
                    return subprocess.CompletedProcess(command, process.returncode, output, said)
                except subprocess.TimeoutExpired as error:
                    waited += SECONDS_UNTIL_FULL
                    if RETRYING in (said := (error.stderr or b"").decode(errors="replace")):
                        return subprocess.CompletedProcess(command, 1, "", said)
                    if waited >= timeout:
                        raise
        finally:
            process.kill()
