"""Runs that are killed at random moments end with the bits of a run that nothing has interrupted.

`TEST_KILLS=200 pytest tests/store/test_resume_kill.py` kills that often; without it, 6 times, `-m long` 36 times.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import differences, leftovers, only_run, resumed_at
from tests.store.options import CONVOLUTIONS, EVERY_STEP, RICH

KILLS = [int(os.environ.get("TEST_KILLS", "6")), pytest.param(36, marks=pytest.mark.long)]
CASES = [(RICH, EVERY_STEP), (RICH, "--checkpoint-seconds=0.05"), (CONVOLUTIONS, EVERY_STEP)]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("wanted", KILLS)
@pytest.mark.parametrize(("options", "interval"), CASES, ids=["every step", "sometimes", "convolutions"])
def test_killed_run_ends_with_the_same_bits(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, options: tuple[str, ...], interval: str, wanted: int
) -> None:
    expected = undisturbed(options)
    chance = random.Random(interval)
    kills = trainings = resumes = 0
    while kills < wanted / len(CASES):
        folder = tmp_path / str(trainings)
        kills += kill_until_done(driver, folder, (*options, interval), chance)
        assert differences(expected, only_run(folder)) == []
        assert leftovers(only_run(folder)) == []
        trainings += 1
        resumes += sum(step > 0 for step in resumed_at(only_run(folder)))
    assert resumes >= kills / 4 - 1, "most kills came before the first checkpoint"


def kill_until_done(driver: Driver, folder: Path, options: tuple[str, ...], chance: random.Random) -> int:
    """Train with one kill after the other; how many there were.

    Each comes at a random moment, most often counted from the first step that the attempt does. The moments
    spread out, so that a slow machine comes to an end too.
    """
    kills, longest = 0, 0.1
    while True:
        marker = f"ready-{kills}"
        child = driver.start("train", *options, "--quiet", folder=folder, faults=[("marked", marker)])
        if chance.random() < 0.8:
            child.wait_for(marker)
        time.sleep(chance.uniform(0, longest))
        child.send(signal.SIGKILL)
        done = child.wait()
        if done.exit_code == 0:
            return kills
        assert done.exit_code == -signal.SIGKILL, done.stderr
        assert done.stderr == ""
        kills += 1
        longest *= 1.15
