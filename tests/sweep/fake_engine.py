"""A toy engine: it trains nothing, and reports the ends of its jobs only."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.records import write_run
from vitreport.errors import StorageError
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended, Report, State


def finish(spec: RunSpec) -> Ended:
    """Put a run on record as done, and say nothing of it."""
    write_run(Path("runs"), spec)
    return Ended()


@dataclass
class FakeEngine:
    """An engine whose jobs end at once, as `end` says of each spec; at most `room` run at a time."""

    end: Callable[[RunSpec], Ended | StorageError]
    room: int = 2
    line: str = "warning: odd images"
    running: list[str] = field(default_factory=list)
    specs: list[RunSpec] = field(default_factory=list)
    data_dirs: list[Path | None] = field(default_factory=list)
    stopped: bool = False
    entered: bool = False
    outlives_command: bool = False

    def check(self) -> None:
        pass

    def __enter__(self) -> Self:
        self.entered = True
        return self

    def __exit__(self, *_: object) -> None:
        self.running.clear()

    @property
    def has_room(self) -> bool:
        return len(self.running) < self.room

    def adopt(self, run_ids: Collection[str]) -> list[str]:
        return []

    def submit(self, spec: RunSpec, data_dir: Path | None = None) -> State:
        assert self.has_room
        self.data_dirs.append(data_dir)
        self.running.append(spec.run_id)
        self.specs.append(spec)
        return "running"

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        if not self.running:
            return []
        spec = next(spec for spec in reversed(self.specs) if spec.run_id == self.running[-1])
        run_id, end = self.running.pop(), self.end(spec)
        if isinstance(end, StorageError):
            raise end
        return [(run_id, self.line), (run_id, end)]

    def stop(self) -> None:
        self.stopped = True
