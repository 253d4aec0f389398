"""Sweeps as processes: their workers, how they are killed, and what they have trained."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.commands import Completed, Process, popen
from tests.forked_workers import NAME
from tests.store import options
from tests.store.children import wait_until

MIXER = (*options.MIXER, "--set=data.limit=400", "--set=train.epochs=2")
"""A trial takes about half a second."""

LONG = (*MIXER, "--set=train.epochs=8000", "--checkpoint-seconds=0.2")
"""A trial takes longer than a test waits."""


JOURNAL, STALE_SECONDS = "journal", 2
"""Of sweeps on several machines."""

TIMEOUT_SECONDS = 240  # workers import torch, and share the cores with other tests


@dataclass(frozen=True)
class Sweep:
    """A command under way in a folder of its own, in a process group of its own."""

    process: Process
    folder: Path
    stderr: Path

    def workers(self) -> list[int]:
        """The processes that train."""
        return [pid for pid in children(self.process.pid) if is_worker(pid)]

    def wait_to_be_told(self, text: str) -> None:
        """Until the text stands on stderr."""
        self.wait_until(lambda: text in self.stderr.read_text(), f"{text!r} on stderr")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Until something is so, or the command has ended without it."""
        wait_until(lambda: condition() or self.process.poll() is not None, what, TIMEOUT_SECONDS)
        assert condition(), f"{what} has not come: {self.stderr.read_text()}"

    def finish(self, seconds: float = TIMEOUT_SECONDS) -> Completed:
        stdout, _ = self.process.communicate(timeout=seconds)
        return Completed(self.process.wait(), stdout, self.stderr.read_text())


def ablate(folder: Path, *arguments: str, machine: str = "") -> Sweep:
    """Begin `vitreport ablate` in `folder`, on a machine of that name if there is one; see `tests.machines`."""
    folder.mkdir(exist_ok=True)
    stderr = folder / f"stderr-{len(list(folder.glob('stderr-*')))}"
    with stderr.open("w") as file:
        process = popen(
            "ablate",
            *arguments,
            folder=folder,
            stdout=subprocess.PIPE,
            stderr=file,
            start_new_session=True,
            prepare="tests.machines:plant" if machine else "",
            prepare_arguments=[machine, STALE_SECONDS, str(folder / JOURNAL)],
        )
    return Sweep(process, folder, stderr)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_line(pid: int) -> str:
    """Empty for a process that has ended, also for one that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def is_worker(pid: int) -> bool:
    """Whether a process trains: started by multiprocessing, or forked in its place."""
    line = command_line(pid)
    with suppress(OSError):
        return NAME in line or (bool(line) and NAME in Path(f"/proc/{pid}/comm").read_text())
    return False


def blocks(pid: int, number: signal.Signals) -> bool:
    """Whether a process never hears a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(blocked.split()[1], 16) >> number - 1 & 1)


def is_gone(pid: int) -> bool:
    return not command_line(pid)


def runs(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("runs/*/run.json"))


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def finished(folder: Path) -> dict[str, int]:
    """When the result of each finished run was written: a run that is trained again writes it again."""
    done = [run for run in runs(folder) if record(run)["status"] == "done"]
    return {run.name: (run / "result.json").stat().st_mtime_ns for run in done}


def wait_for_training(sweep: Sweep, count: int = 1) -> None:
    """Until so many trials have trained an epoch."""
    sweep.wait_until(lambda: len(list(sweep.folder.glob("runs/*/metrics.jsonl"))) >= count, f"{count} epochs")


@dataclass
class Kills:
    """How many kills at random moments a sweep of so many trials bears, and what had been finished before each."""

    trials: int
    worker_kills: int
    command_kills: int
    seed: int
    finished: dict[str, int] = field(default_factory=dict)

    def moments(self) -> list[tuple[int, float, str]]:
        """So many results, so many seconds after them, and the victim; within the first two thirds of the trials."""
        dice = random.Random(self.seed)
        victims = ["worker"] * self.worker_kills + ["command"] * self.command_kills
        dice.shuffle(victims)
        due = [number * self.trials * 2 // (3 * len(victims)) for number in range(len(victims))]
        return [(count, dice.uniform(0, 1.5), victim) for count, victim in zip(due, victims, strict=True)]


def disturbed(folder: Path, *arguments: str, kills: Kills) -> Completed:
    """The command, killed as planned, and started again until it has done everything."""
    sweep = ablate(folder, *arguments)
    for count, delay, victim in kills.moments():
        wait_until(lambda count=count: len(finished(folder)) >= count, f"{count} results", TIMEOUT_SECONDS)  # type: ignore[misc]
        time.sleep(delay)
        workers = _workers(sweep)
        kills.finished = finished(folder) | kills.finished
        victims = workers if victim == "worker" else [sweep.process.pid]
        for pid in random.Random(delay).sample(victims, k=min(1, len(victims))):
            os.kill(pid, signal.SIGKILL)
        if victim == "command":
            sweep.finish()
            wait_until(lambda workers=workers: all(map(is_gone, workers)), "the end of the workers")  # type: ignore[misc]
            sweep = ablate(folder, *arguments)
    while (done := sweep.finish(600)).exit_code:
        sweep = ablate(folder, *arguments)
    return done


def _workers(sweep: Sweep) -> list[int]:
    """Those that there are, as soon as there are any; none where the sweep has come to its end before."""
    wait_until(lambda: bool(sweep.workers()) or sweep.process.poll() is not None, "a worker", TIMEOUT_SECONDS)
    return sweep.workers()
