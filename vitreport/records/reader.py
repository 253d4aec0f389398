"""Read the folders of runs and the files of sweeps, without torch.

Records may come from other people, so each file is bounded in size, checked against its type, and named if it is
damaged; the rest is still read.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from vitreport.errors import SpecError
from vitreport.records.folders import SWEEPS, find_runs
from vitreport.records.measurement import CorrectImages, EpochRecord, ResultRecord
from vitreport.records.run import RunRecord, SweepRecord
from vitreport.records.upgrade import parse
from vitreport.run_id import RunId
from vitreport.spec.run import RunSpec
from vitreport.untrusted_files import LINK, read_bounded, reading_fault

MAX_BYTES = {
    "spec.json": 1 << 20,
    "run.json": 1 << 20,
    "result.json": 16 << 20,
    "metrics.jsonl": 64 << 20,
    "mistakes.png": 1 << 18,
    "attention.png": 1 << 18,
    "attention.json": 1 << 18,
}
MAX_OTHER_BYTES = 16 << 20
MAX_SKIPPED_LINES = 100
MAX_SHOWN = 100
MAX_EPOCHS_UNKNOWN = 10_000
"""How many epochs are read where the spec that says their number cannot be."""

Content = TypeVar("Content")


@dataclass(frozen=True)
class Damage:
    """A file of a record that could not be read, and why. `place` is a relative path."""

    place: str
    reason: str

    def __str__(self) -> str:
        """Return both, as in run.json: is missing."""
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class Run:
    """What could be read from the directory of a run. `damage` names what could not be read."""

    folder: Path
    record: RunRecord | None
    spec: RunSpec | None
    epochs: tuple[EpochRecord, ...]
    result: ResultRecord | None
    damage: tuple[Damage, ...]

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def answers(self) -> CorrectImages | None:
        """Which test images the run classifies correctly; None if its record does not say it."""
        if not (self.record and self.result and self.result.bits is not None):
            return None
        return CorrectImages(self.record.data.fingerprint, self.result.selected.splits["test"].count, self.result.bits)


def read_run(folder: Path) -> Run:
    """Read the directory of a run. A missing, damaged or contradictory file is added to `damage`; it never raises."""
    damage: list[Damage] = []
    record = read_record_file(folder / "run.json", partial(parse, RunRecord), damage)
    if record and record.id != folder.name:
        damage.append(Damage("run.json", f"is the record of {record.id}"))
        record = None
    spec = read_record_file(folder / "spec.json", partial(parse, RunSpec), damage)
    if spec and spec.run_id != RunId.parse(folder.name).first_attempt:
        damage.append(Damage("spec.json", f"is the spec of {spec.run_id}"))
        spec = None
    max_epochs = spec.train.epochs if spec else MAX_EPOCHS_UNKNOWN
    metrics = _content(folder / "metrics.jsonl", damage)
    epochs = tuple(parse_epochs(metrics, max_epochs, record.data.counts if record else {}, damage))
    is_done = record is not None and record.status == "done"
    if is_done and spec and len(epochs) < max_epochs:
        damage.append(Damage("metrics.jsonl", f"contains {len(epochs)} of {max_epochs} epochs"))
    result = read_record_file(folder / "result.json", partial(parse, ResultRecord), damage) if is_done else None
    return Run(folder, record, spec, epochs, result, tuple(damage))


def read_finished(name: str, runs_dir: Path) -> list[Run]:
    """Read a run, or the finished runs of a group; without any finished one, the first run of the group.

    Runs without a readable record are kept, so that they are not silently left out.
    """
    runs = [read_run(folder) for folder in find_runs(name, runs_dir)]
    return [run for run in runs if not run.record or run.record.status == "done"] or runs[:1]


def read_sweeps(runs_dir: Path) -> tuple[list[SweepRecord], list[Damage]]:
    """Return the recorded sweeps in the order of their file names, and what cannot be read."""
    folder, damage = runs_dir / SWEEPS, list[Damage]()
    if folder.is_symlink():
        return [], [Damage(f"{SWEEPS}/*.json", f"their directory {LINK}")]
    found = [read_record_file(file, partial(parse, SweepRecord), damage) for file in sorted(folder.glob("*.json"))]
    return [record for record in found if record], [replace(each, place=f"{SWEEPS}/{each.place}") for each in damage]


def read_record_file(path: Path, parse: Callable[[bytes], Content], damage: list[Damage]) -> Content | None:
    """Read one file through its parser; add what is wrong with it to `damage`."""
    try:
        return parse(read_run_file(path))
    except (OSError, SpecError, ValueError) as error:
        damage.append(Damage(path.name, fault_of(error)))
        return None


def read_run_file(path: Path) -> bytes:
    """Read one file, which may be no larger than such a file gets and never a link, or raise OSError."""
    return read_bounded(path, MAX_BYTES.get(path.name, MAX_OTHER_BYTES), links=False)


def _content(path: Path, damage: list[Damage]) -> bytes:
    """Return what a file contains, nothing if it is missing; add to `damage` why it cannot be read."""
    try:
        return read_run_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        damage.append(Damage(path.name, fault_of(error)))
        return b""


def parse_epochs(
    content: bytes, max_epochs: int, images: Mapping[str, int], damage: list[Damage]
) -> Iterator[EpochRecord]:
    """Parse the epochs in metrics.jsonl in order, up to number `max_epochs`.

    A torn, damaged, repeated or later line is skipped and added to `damage`. Parsing stops after many of them.
    `images` counts those of each split, as run.json does.
    """
    newest, before = 0, len(damage)
    for number, line in enumerate(io.BytesIO(content), start=1):
        try:
            found = parse(EpochRecord, line, images)
            if not newest < found.epoch <= max_epochs:
                raise ValueError(f"epoch {found.epoch} of {max_epochs} follows epoch {newest}")
        except ValueError as error:
            damage.append(Damage("metrics.jsonl", f"line {number} skipped: {fault_of(error)}"))
            if len(damage) - before < MAX_SKIPPED_LINES:
                continue
            damage.append(Damage("metrics.jsonl", f"not read after line {number}: too many damaged lines"))
            return
        newest = found.epoch
        yield found


def fault_of(error: Exception) -> str:
    """Return an error's message; for a pydantic error, the first message with its field."""
    if isinstance(error, OSError):
        return reading_fault(error)
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))[:MAX_SHOWN]
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
