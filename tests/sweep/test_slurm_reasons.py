"""Why jobs wait in the Slurm queue, and what to do about it."""

import pytest

from tests.sweep.fake_slurm import FakeSlurm
from tests.sweep.test_slurm import RUNTIME, SPECS
from vitreport.sweep.engines.slurm import SlurmEngine
from vitreport.sweep.engines.slurm_reasons import hint_for, words_for


def test_each_reason_is_shown_once(slurm: FakeSlurm, notes: list[str]) -> None:
    """Slurm goes back and forth between some; those of every sweep are not shown."""
    slurm.is_idle = True
    engine = SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)
    for spec in SPECS[:3]:
        engine.submit(spec)
    for slurm.reason in ("", "None", "Priority", "Resources", "Priority", "JobArrayTaskLimit", "PartitionTimeLimit"):
        engine.reports(0)
    assert notes[1:3] == [
        "3 trials waiting in the Slurm queue: jobs with a higher priority come first (Priority)",
        "3 trials waiting in the Slurm queue: other jobs are using the nodes (Resources)",
    ]
    (warning,) = notes[3:]
    assert warning.startswith("warning: Slurm does not start 3 trials: PartitionTimeLimit; hint: press Ctrl-C, then ")


def test_a_reason_with_other_details_is_not_shown_again(slurm: FakeSlurm, notes: list[str]) -> None:
    slurm.is_idle = True
    engine = SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)
    engine.submit(SPECS[0])
    for nodes in ("", "node1", "node[1-2]"):
        slurm.reason = nodes and f"ReqNodeNotAvail, UnavailableNodes:{nodes}"
        engine.reports(0)
    (shown,) = notes[1:]
    assert shown.endswith("the nodes are down, reserved or in use (ReqNodeNotAvail, UnavailableNodes:node1)")


def test_jobs_that_were_cancelled_do_not_wait(slurm: FakeSlurm, notes: list[str]) -> None:
    slurm.is_idle, slurm.reason = True, "JobHeldUser"
    engine = SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)
    engine.submit(SPECS[0])
    engine.reports(0)
    slurm.queue = {place: type(job)(job.id, "CANCELLED", "JobHeldUser") for place, job in slurm.queue.items()}
    engine.reports(0)
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("BadConstraints", "sinfo -o"),
        ("PartitionConfig", "sinfo -o"),
        ("QOSMaxWallDurationPerJobLimit", "time=MINUTES"),
        ("InvalidQOS", "sacctmgr show associations user=$USER"),
        ("AccountNotAllowed", "sacctmgr show associations user=$USER"),
        ("AssocMaxCpuPerJobLimit", "sacctmgr show qos"),
        ("QOSMaxMemoryPerNode", "sacctmgr show qos"),
        ("QOSMinGRES", "sacctmgr show qos"),
        ("AssocGrpCPUMinutesLimit", "account=NAME"),
        ("DependencyNeverSatisfied", "Ctrl-C"),
        ("PartitionDown", "wait until the partition is up, or"),
        ("JobHeldAdmin", "administrators"),
        ("JobHeldUser", "scontrol release"),
        ("launch failed requeued held", "scontrol release"),
    ],
)
def test_a_job_that_does_not_start_by_waiting_needs_the_user(reason: str, remedy: str) -> None:
    words = words_for(reason, 1)
    assert words.startswith(f"warning: Slurm does not start 1 trial: {reason}; hint: ")
    assert remedy in words
    assert "--engine-option" not in words, "the option may be one of the study"


@pytest.mark.parametrize(
    "reason",
    [
        "Licenses",
        "AssocMaxJobsLimit",
        "AssocGrpCpuLimit",
        "AssocGrpCPURunMinutesLimit",
        "QOSMaxCpuPerUserLimit",
        "QOSMaxJobsPerUserLimit",
        "ReqNodeNotAvail, UnavailableNodes:node7",
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
    ],
)
def test_a_job_that_will_start_needs_nothing(reason: str) -> None:
    words = words_for(reason, 2)
    assert words.startswith("2 trials waiting in the Slurm queue: ")
    assert reason in words


@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        ("invalid partition specified: none; Invalid partition name specified", "`sinfo` lists partitions"),
        ("User's group not permitted to use this partition", "`sinfo` lists partitions"),
        ("Invalid account or account/partition combination specified", "sacctmgr show associations user=$USER"),
        ("Invalid qos specification", "qos=NAME"),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "sacctmgr show qos"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "time=MINUTES"),
        ("Invalid --time specification", "time=MINUTES"),
        ("Memory specification can not be satisfied; Requested node configuration is not available", "memory=SIZE"),
        ("Invalid generic resource (gres) specification", "gpus=N"),
        ("Invalid feature specification", "constraint=NAME"),
        ("unrecognized option '--colour=red'", "man sbatch"),
    ],
)
def test_the_hint_fits_the_refusal(refusal: str, hint: str) -> None:
    assert hint in hint_for(refusal)
    assert "--engine-option" not in hint_for(refusal), "the option may be one of the study"
