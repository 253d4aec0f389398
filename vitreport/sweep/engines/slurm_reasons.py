"""Explain why a Slurm job waits or is refused, and say what to do about it.

https://slurm.schedmd.com/job_reason_codes.html lists why a job may wait. Other reasons are shown as Slurm gives them.
"""

import re

from vitreport.errors import with_hint
from vitreport.formatting import counted

PARTITION = "choose another partition with the engine option partition=NAME (`sinfo` lists partitions)"
TIME = "choose another time limit with the engine option time=MINUTES (`sinfo` lists the limits of the partitions)"
ACCOUNT = (
    "choose another account or QOS with the engine option account=NAME or qos=NAME"
    " (`sacctmgr show associations user=$USER` lists the ones that you may use)"
)
LIMITS = (
    "change the engine options memory=SIZE, time=MINUTES, cpus=N or gpus=N to stay within the limits"
    " (`sacctmgr show associations user=$USER` and `sacctmgr show qos` list them)"
)
NODES = (
    "request only what a node has, with the engine options memory=SIZE, cpus=N, gpus=N or constraint=NAME"
    ' (`sinfo -o "%P %c %m %G %f"` lists the cores, memory in MB, GPUs and features of the nodes)'
)

ORDINARY = ("", "None", "WaitingForScheduling", "JobArrayTaskLimit", "Dependency", "Cleaning", "Prolog")
"""Reasons that say nothing new: at most `--jobs` jobs run, or an array waits for another one of the same command."""
_MEANINGS = {
    "Priority": "jobs with a higher priority come first",
    "Resources": "other jobs are using the nodes",
    "BeginTime": "Slurm waits for a while before it restarts a job",
    "AssocMaxJobsLimit": "your limit of running jobs is reached",
    "QOSMaxJobsPerUserLimit": "your limit of running jobs is reached",
    "ReqNodeNotAvail": "the nodes are down, reserved or in use",
}
_REMEDIES = (
    (r"BadConstraints|PartitionConfig|PartitionNodeLimit|MaxMemPerLimit", f"press Ctrl-C, then {NODES}"),
    (r"PartitionTimeLimit|(Assoc|QOS)MaxWallDurationPerJobLimit", f"press Ctrl-C, then {TIME}"),
    (r"Invalid(Account|QOS)|(Account|QOS)NotAllowed", f"press Ctrl-C, then {ACCOUNT}"),
    (r"(Assoc|QOS)Max\w+Per(Job|Node)(Limit)?|QOSMin\w+", f"press Ctrl-C, then {LIMITS}"),
    (r"(Assoc|QOS)Grp\w+(?<!Run)Minutes(Limit)?|QOSUsageThreshold", f"press Ctrl-C, then {ACCOUNT}"),
    (r"DeadLine|DependencyNeverSatisfied|ReservationDeleted", "press Ctrl-C, then correct the engine options"),
    (r"Partition(Down|Inactive)", f"wait until the partition is up, or press Ctrl-C and {PARTITION}"),
    (r"JobHeldAdmin", "ask the administrators of the cluster to release the jobs"),
    (
        r"JobHeldUser|JobHoldMaxRequeue|.*\bheld\b.*",
        "release the jobs with `scontrol release JOB` (`squeue --me` lists jobs)",
    ),
)
"""Reasons that waiting does not resolve, at least not soon, as patterns of the whole reason; the first match counts."""

_FULL_QUEUE = r"(Resource|Slurm) temporarily un(available|able)|queue full"
_REFUSALS = (
    (_FULL_QUEUE, "wait until other jobs have ended, then run the same command again"),
    (r"policy", LIMITS),
    (r"account|qos|association", ACCOUNT),
    (r"partition", PARTITION),
    (r"--time|time limit", TIME),
    (r"node|memory|processor|cpu|core|gres|generic resource|feature", NODES),
    (r"", "correct the engine options (`man sbatch` describes them)"),
)
"""Patterns to search for in what sbatch says when it refuses jobs; the first match counts."""


def words_for(reason: str, trials: int) -> str:
    """Return a line about trials that wait for this reason: a warning if waiting does not help."""
    many = counted(trials, "trial")
    for pattern, remedy in _REMEDIES:
        if re.fullmatch(pattern, reason):
            return f"warning: {with_hint(f'Slurm does not start {many}: {reason}', remedy)}"
    meaning = _MEANINGS.get(reason.partition(",")[0])
    return f"{many} waiting in the Slurm queue: {f'{meaning} ({reason})' if meaning else reason}"


def hint_for(refusal: str) -> str:
    """Return what to do if sbatch refuses jobs for this reason."""
    return next(hint for pattern, hint in _REFUSALS if re.search(pattern, refusal, re.IGNORECASE))


def is_about_now(refusal: str) -> bool:
    """Return whether `sbatch --test-only` may refuse jobs that sbatch would put into the queue.

    It says the same if no node can ever run the jobs, and if the nodes that can are down.
    """
    return bool(
        re.search(
            r"Requested \w+ configuration|nodes are busy|temporarily unavailable|\(down, drained or reserved\)", refusal
        )
    )


def is_about_number(refusal: str) -> bool:
    """Return whether sbatch may accept fewer jobs at a time: arrays, or the jobs of a user or in all, are limited."""
    return bool(re.search(rf"job array|submit limit|MaxJobCount|{_FULL_QUEUE}", refusal, re.IGNORECASE))


def is_about_full_queue(refusal: str) -> bool:
    """Return whether sbatch may accept the same jobs later: the cluster has as many as it can have."""
    return bool(re.search(_FULL_QUEUE, refusal, re.IGNORECASE))
