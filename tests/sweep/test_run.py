"""What a sweep makes of the ends of its cells, with workers that only pretend."""

import os
import signal
from pathlib import Path
from typing import Self

import pytest

from tests.spec.composing import composed
from vitreport.errors import StoppedError
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.reader import Run
from vitreport.sweep import run
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


class Interrupted:
    """An engine whose worker feels SIGINT, as from a terminal, and tells of its end before the sweep has looked."""

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
        os.kill(os.getpid(), signal.SIGINT)
        return [(self.running.pop(), Finished(130, ("stopped by SIGINT",), last=True))]


class States:
    """An observer that keeps the states that the cells have been in."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        self.seen.append(state)

    def event(self, run_id: str, event: Event) -> None: ...

    def note(self, line: str) -> None: ...

    def progress(self, label: str, done: int, total: int | None) -> None: ...

    def looked(self) -> None: ...


def test_a_cell_that_a_signal_to_all_has_ended_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Interrupted)
    states = States()
    runtime = Runtime("cpu", Path("data"), Path("cache"), Path("runs"), threads=1, compile=False, checkpoint_seconds=30)
    with pytest.raises(StoppedError):
        run.run_sweep([Cell((), SPEC)], runtime, run.Policy(), argv=(), observer=states)
    assert states.seen == ["queued", "running", "interrupted"]
