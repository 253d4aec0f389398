"""The protocol of the leases, with processes that are interleaved, stopped and killed between any two system calls.

The disk and its clock are simulated, so that a test goes through thousands of interleavings. Each process is on a
machine of its own: it takes the lease, compares it and writes a few times, gives it back, and begins again.
"""

import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.store.calls import StandIn
from vitreport import lease

PATH = Path("run/.lease")
PROCESSES = 3
STEPS = 400
INTERLEAVINGS = 300
PARTS = 3


class Killed(BaseException):
    """The process does nothing more."""


@dataclass
class File:
    content: bytes = b""
    time: float = 0.0


class Process(threading.Thread):
    """Does one system call, or one comparison and write, in each of its turns."""

    def __init__(self, disk: "Disk", machine: int) -> None:
        super().__init__(daemon=True)
        self.disk, self.machine, self.is_killed = disk, str(machine).encode(), False
        self.may_go, self.has_gone = threading.Semaphore(0), threading.Semaphore(0)
        self.compared = 0.0

    def run(self) -> None:
        self.may_go.acquire()
        try:
            while not self.is_killed:
                self.own()
        except Killed:
            pass
        finally:
            self.has_gone.release()

    def own(self) -> None:
        seen = lease._look(PATH)
        if not lease._is_over(PATH, seen, False):
            return
        mine = lease._replace(PATH, seen, False)
        if not mine:
            return
        content, descriptor = mine
        for _ in range(self.disk.dice.randrange(1, 6)):
            self.turn()
            if self.disk.planted != "no comparison" and self.disk.content(PATH) != content:
                return
            self.disk.written.append(content)
            if self.disk.dice.random() < 0.7:
                self.disk.utime(descriptor)
        self.disk.utime(descriptor, (0, 0))

    def turn(self) -> None:
        if self.is_killed:
            raise Killed
        self.has_gone.release()
        self.may_go.acquire()
        if self.is_killed:
            raise Killed

    def step(self) -> None:
        self.may_go.release()
        self.has_gone.acquire()


@dataclass
class Disk:
    """Files by their names, and what was written by whom."""

    dice: random.Random
    planted: str = ""
    clock: float = 1000.0
    files: dict[str, File] = field(default_factory=dict)
    opened: dict[int, File] = field(default_factory=dict)
    written: list[bytes] = field(default_factory=list)
    stolen: list[bytes] = field(default_factory=list)
    late: set[bytes] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def content(self, path: Path) -> bytes | None:
        return self.files[str(path)].content if str(path) in self.files else None

    def system(self) -> dict[str, Callable[..., Any]]:
        names = ("open", "read", "write", "fsync", "fstat", "close", "utime", "replace", "unlink")
        return {name: in_turn(getattr(self, name)) for name in names}

    def open(self, path: Path, flags: int, mode: int = 0) -> int:
        if flags & os.O_CREAT:
            if self.planted != "two claims" and str(path) in self.files:
                raise FileExistsError
            self.files[str(path)] = File(time=self.clock)
        elif str(path) not in self.files:
            raise FileNotFoundError(2, "")
        self.opened[number := next(self.numbers)] = self.files[str(path)]
        return number

    def read(self, descriptor: int, most: int) -> bytes:
        return self.opened[descriptor].content

    def write(self, descriptor: int, content: bytes) -> None:
        self.opened[descriptor].content, self.opened[descriptor].time = content, self.clock

    def fsync(self, descriptor: int) -> None: ...

    def fstat(self, descriptor: int) -> object:
        return SimpleNamespace(st_mtime=self.opened[descriptor].time)

    def monotonic(self) -> float:
        current().compared = self.clock
        return self.clock

    def close(self, descriptor: int) -> None:
        del self.opened[descriptor]

    def utime(self, descriptor: int, times: tuple[float, float] | None = None) -> None:
        file = self.opened[descriptor]
        if self.clock - file.time > lease.STALE_SECONDS:
            self.late.add(file.content)
        file.time = times[1] if times else self.clock

    def unlink(self, path: Path) -> None:
        if str(path) not in self.files:
            raise FileNotFoundError
        del self.files[str(path)]

    def replace(self, old: Path, new: Path) -> None:
        if str(old) not in self.files:
            raise FileNotFoundError
        former = self.files.get(str(new), File())
        was_stopped = self.clock - current().compared > lease.PERIOD_SECONDS / 2
        is_late = former.content in self.late or self.clock - former.time > lease.STALE_SECONDS
        if not (is_late or was_stopped):
            self.stolen.append(former.content)
        self.files[str(new)] = self.files.pop(str(old))


def current() -> Process:
    process = threading.current_thread()
    assert isinstance(process, Process)
    return process


def in_turn(call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        if isinstance(threading.current_thread(), Process):
            current().turn()
        return call(*arguments)

    return called


def interleave(seed: int, monkeypatch: pytest.MonkeyPatch, planted: str = "") -> Disk:
    """Let the processes take turns at random, some of them rarely, while time passes."""
    dice = random.Random(seed)
    disk = Disk(dice, planted)
    monkeypatch.setattr(lease, "os", StandIn(os, **disk.system()))
    monkeypatch.setattr(lease, "time", StandIn(time, monotonic=in_turn(disk.monotonic)))
    monkeypatch.setattr(lease, "_now", in_turn(lambda folder: disk.clock))
    monkeypatch.setattr(lease, "_boot", lambda: current().machine)
    processes = [Process(disk, number) for number in range(PROCESSES)]
    weights = [dice.choice((1, 5, 25)) for _ in processes]
    for process in processes:
        process.start()
    for _ in range(STEPS):
        dice.choices(processes, weights)[0].step()
        if dice.random() < 0.15:
            disk.clock += dice.choice((0.1, 1, 3, 10))
        if dice.random() < 0.01:
            disk.clock += 2 * lease.STALE_SECONDS
            weights = [dice.choice((1, 5, 25)) for _ in processes]
        if dice.random() < 0.004 and len(processes) > 1:
            victim = dice.randrange(len(processes))
            kill(processes.pop(victim))
            weights.pop(victim)
    for process in processes:
        kill(process)
    return disk


def kill(process: Process) -> None:
    process.is_killed = True
    process.step()
    process.join()


def faults(disk: Disk) -> list[str]:
    """What must never happen."""
    owners = [content for content, _ in itertools.groupby(disk.written)]
    found = ["an owner has written after another one"] * (len(set(owners)) < len(owners))
    return found + ["the lease of a living owner was replaced"] * bool(disk.stolen)


@pytest.mark.parametrize("part", range(PARTS))
def test_owners_write_one_after_the_other_and_a_living_one_keeps_its_lease(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = 0
    for seed in range(part, INTERLEAVINGS, PARTS):
        disk = interleave(seed, monkeypatch)
        assert faults(disk) == [], f"seed {seed}"
        owners += len(set(disk.written))
    assert owners > INTERLEAVINGS / PARTS


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("two claims", "the lease of a living owner was replaced"),
        ("no comparison", "an owner has written after another one"),
    ],
)
def test_a_planted_fault_is_found(planted: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    disks = (interleave(seed, monkeypatch, planted) for seed in range(INTERLEAVINGS))
    assert any(found in faults(disk) for disk in disks)
