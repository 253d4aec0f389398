"""What a sweep makes of the ends of its cells, with workers that only pretend."""

import os
import signal
from multiprocessing import Pipe
from pathlib import Path
from typing import Self

import pytest

from tests.spec.composing import composed
from vitreport.errors import FullDiskError, ResourceError, StoppedError
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.reader import Run
from vitreport.sweep import run
from vitreport.sweep.engines import worker
from vitreport.sweep.engines.local import Report
from vitreport.sweep.engines.worker import Finished
from vitreport.sweep.plan import Cell
from vitreport.training.events import Event

SPEC = composed(
    {
        "model": {"name": "mlp-mixer", "patch_size": 4, "embed_dim": 8, "num_blocks": 1},
        "data": {"dataset": "digits", "image_size": 8},
    }
).spec


class Pretended:
    """An engine whose worker ends each run as it is told to."""

    has_idle = True

    def __init__(self, *_: object) -> None:
        self.running: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def staff(self, cells: int) -> None: ...

    def stop(self) -> None: ...

    def submit(self, spec: RunSpec) -> bool:
        self.running.append(spec.run_id)
        return True

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        return [(self.running.pop(), self.end())]

    def end(self) -> Report:
        raise NotImplementedError


class Interrupted(Pretended):
    """Its worker feels SIGINT, as from a terminal, and tells of its end before the sweep has looked."""

    def end(self) -> Report:
        os.kill(os.getpid(), signal.SIGINT)
        return Finished(130, ("stopped by SIGINT",), last=True)


class Full(Pretended):
    """Its worker has no room on the disk."""

    def end(self) -> Report:
        return Finished(6, ("no space left: a file; hint: any",), last=True, full_disk="no space left: a file")


class OutOfMemory(Pretended):
    """Its worker has no memory."""

    def end(self) -> Report:
        return Finished(6, ("out of memory; hint: less",), last=True)


class States:
    """An observer that keeps the states that the cells have been in."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.told: list[str] = []

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        self.seen.append(state)
        self.told += [why] if why else []

    def event(self, run_id: str, event: Event) -> None: ...

    def note(self, line: str) -> None: ...

    def progress(self, label: str, done: int, total: int | None) -> None: ...

    def looked(self) -> None: ...


RUNTIME = Runtime("cpu", Path("data"), Path("cache"), Path("runs"), threads=1, compile=False, checkpoint_seconds=30)
CELLS = [Cell((), SPEC.model_copy(update={"seed": seed})) for seed in range(2)]


def test_a_cell_that_a_signal_to_all_has_ended_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Interrupted)
    states = States()
    with pytest.raises(StoppedError) as told:
        run.run_sweep(CELLS[:1], RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen == ["queued", "running", "interrupted"]
    assert told.value.message == "stopped by SIGINT; 0 of 1 cell done"


def test_a_full_disk_ends_the_whole_sweep_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Full)
    states = States()
    with pytest.raises(FullDiskError) as told:
        run.run_sweep(CELLS, RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen[2:] == ["running", "running", "failed", "interrupted"]
    assert states.told == []
    assert told.value.lines() == [
        "no space left: a file; 0 of 2 cells done; hint: free some space; the same command goes on with the sweep"
    ]


def test_what_is_tried_again_says_so_before_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", OutOfMemory)
    states = States()
    run.run_sweep(CELLS[:1], RUNTIME, run.Policy(), argv=(), observer=states)
    again = "it is tried again after: out of memory; hint: less"
    assert states.told == [again, again, "out of memory; hint: less"]


def test_a_worker_tells_a_full_disk_from_other_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: object) -> None:
        raise errors.pop()

    errors = [FullDiskError("no space left: a file", "free some"), ResourceError("out of memory")]
    monkeypatch.setattr(worker, "_train_unless_done", train)
    here, _ = Pipe()
    assert [worker._train(SPEC, RUNTIME, (), here).full_disk for _ in range(2)] == ["", "no space left: a file"]
