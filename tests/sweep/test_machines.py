"""Sweeps on several machines that share a disk, and no locks: each trial is trained by one process at a time."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands import Completed
from tests.machines import owners
from tests.store.identity import differences
from tests.sweep.processes import JOURNAL, MIXER, STALE_SECONDS, Sweep, ablate, finished, record, runs
from tests.sweep.test_disturbed import table

pytestmark = pytest.mark.timeout(1800)

SWEEP = (*MIXER, "--param", "batch_size", "20,50", "--threads=1", "--json", "--checkpoint-seconds=0")


def check_machines(folder: Path, *arguments: str, events: int, seed: int) -> None:
    known = table(ablate(folder / "undisturbed", *arguments).finish(600))
    dice, place, before = random.Random(seed), folder / "disturbed", dict[str, int]()
    sweeps = {machine: ablate(place, *arguments, machine=machine) for machine in ("a", "b")}
    for _ in range(events):
        time.sleep(dice.uniform(0.1, 1.5))
        before |= finished(place)
        machine = dice.choice(list(sweeps))
        disturb(sweeps[machine], dice)
        if sweeps[machine].process.poll() is not None:
            sweeps[machine].finish()
            sweeps[machine] = ablate(place, *arguments, machine=machine)
    tables = [table(end(place, sweep, *arguments, machine=machine)) for machine, sweep in sweeps.items()]
    assert tables == [known, known]
    assert all(len(set(found)) == len(found) for found in owners(place / JOURNAL).values())
    assert finished(place).items() >= before.items(), "a finished trial was trained again"
    assert {record(run)["status"] for run in runs(place)} == {"done"}
    pairs = zip(runs(folder / "undisturbed"), runs(place), strict=True)
    assert {first.name: found for first, second in pairs if (found := differences(first, second))} == {}


def disturb(sweep: Sweep, dice: random.Random) -> None:
    """Kill a worker or the command, or stop a worker for longer than its lease lasts without renewal."""
    workers = sweep.workers()
    victim = dice.choice([*workers, sweep.process.pid])
    with suppress(ProcessLookupError):
        if dice.random() < 0.5 and victim in workers:
            os.kill(victim, signal.SIGSTOP)
            time.sleep(STALE_SECONDS + dice.uniform(-0.5, 1))
            os.kill(victim, signal.SIGCONT)
        elif sweep.process.poll() is None:
            os.kill(victim, signal.SIGKILL)


def end(place: Path, sweep: Sweep, *arguments: str, machine: str) -> Completed:
    """Wait for the end of the command, and start it again until it has done everything."""
    while (done := sweep.finish(600)).exit_code:
        sweep = ablate(place, *arguments, machine=machine)
    return done


def test_two_drivers_started_at_once_share_a_sweep(tmp_path: Path) -> None:
    check_machines(tmp_path, *SWEEP, "--seeds=2", events=4, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_two_drivers_share_a_sweep_whatever_ends_or_stops(tmp_path: Path, seed: int) -> None:
    check_machines(tmp_path, *SWEEP, "--seeds=6", events=20, seed=seed)
