"""Why a job waits in the queue of Slurm, or is refused, in words, and what to do about it.

https://slurm.schedmd.com/job_reason_codes.html lists why a job may wait. A cluster may have
other reasons, which are shown as they are.
"""

import re

from vitreport.errors import with_hint
from vitreport.formatting import counted

PARTITION = "choose another --engine-option partition=NAME (`sinfo` lists partitions)"
TIME = "choose another --engine-option time=MINUTES (`sinfo` lists the limits of the partitions)"
ACCOUNT = (
    "choose another --engine-option account=NAME or qos=NAME"
    " (`sacctmgr show associations user=$USER` lists those that you may use)"
)
LIMITS = (
    "ask for less memory, time, cpus or gpus with --engine-option"
    " (`sacctmgr show associations user=$USER` and `sacctmgr show qos` list limits)"
)
NODES = (
    "ask for what a node has with --engine-option memory=SIZE, cpus=N, gpus=N or constraint=NAME"
    ' (`sinfo -o "%P %c %m %G %f"` lists cores, memory in MB, GPUs and features of the nodes)'
)

ORDINARY = ("", "None", "WaitingForScheduling", "JobArrayTaskLimit", "Dependency", "Cleaning", "Prolog")
"""Reasons that say nothing new: at most `--jobs` jobs run, or an array waits for another one of the same command."""
_MEANINGS = {
    "Priority": "jobs with a higher priority come first",
    "Resources": "other jobs are using the nodes",
    "BeginTime": "Slurm waits for some time before it starts a job again",
    "AssocMaxJobsLimit": "you may not run more jobs at a time",
    "QOSMaxJobsPerUserLimit": "you may not run more jobs at a time",
    "ReqNodeNotAvail": "the nodes are down, reserved or in use",
}
_REMEDIES = (
    (r"BadConstraints|PartitionConfig|PartitionNodeLimit|MaxMemPerLimit", f"press Ctrl-C, then {NODES}"),
    (r"PartitionTimeLimit|(Assoc|QOS)MaxWallDurationPerJobLimit", f"press Ctrl-C, then {TIME}"),
    (r"Invalid(Account|QOS)|(Account|QOS)NotAllowed", f"press Ctrl-C, then {ACCOUNT}"),
    (r"(Assoc|QOS)Max\w+Per(Job|Node)(Limit)?|QOSMin\w+", f"press Ctrl-C, then {LIMITS}"),
    (r"(Assoc|QOS)Grp\w+(?<!Run)Minutes(Limit)?|QOSUsageThreshold", f"press Ctrl-C, then {ACCOUNT}"),
    (r"DeadLine|DependencyNeverSatisfied|ReservationDeleted", "press Ctrl-C, then change the --engine-option"),
    (r"Partition(Down|Inactive)", f"wait until the partition is up, or press Ctrl-C and {PARTITION}"),
    (r"JobHeldAdmin", "ask the administrators of the cluster to release the jobs"),
    (r"JobHeldUser|JobHoldMaxRequeue|.*\bheld\b.*", "release the jobs with `scontrol release JOB`"),
)
"""Reasons that waiting does not change, or not soon, as patterns of the whole reason; the first that matches counts."""

_REFUSALS = (
    (r"policy", LIMITS),
    (r"account|qos|association", ACCOUNT),
    (r"partition", PARTITION),
    (r"--time|time limit", TIME),
    (r"node|memory|processor|cpu|core|gres|generic resource|feature", NODES),
    (r"", "change the --engine-option (`man sbatch` explains them)"),
)
"""What sbatch says if it refuses jobs, as patterns that occur in it; the first that does counts."""


def words_for(reason: str, trials: int) -> str:
    """Return a line about trials that wait for this reason: a warning if waiting does not help."""
    many = counted(trials, "trial")
    for pattern, remedy in _REMEDIES:
        if re.fullmatch(pattern, reason):
            return f"warning: {with_hint(f'Slurm does not start {many}: {reason}', remedy)}"
    meaning = _MEANINGS.get(reason.partition(",")[0])
    return f"{many} waiting in the queue of Slurm: {f'{meaning} ({reason})' if meaning else reason}"


def hint_for(refusal: str) -> str:
    """Return what to do about a refusal of sbatch."""
    return next(hint for pattern, hint in _REFUSALS if re.search(pattern, refusal, re.IGNORECASE))


def is_about_number(refusal: str) -> bool:
    """Return whether sbatch may accept fewer jobs at a time: arrays, or the jobs of a user, are limited."""
    return bool(re.search(r"job array|submit limit|MaxJobCount", refusal, re.IGNORECASE))
