"""Reading run folders, never with torch.

Records may come from other people, so each file is bounded in size, checked against its type, and named
where it is damaged; the rest of the folder is still read.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from vitreport.errors import RecordError, SpecError
from vitreport.records.correct_images import Answers, unpacked
from vitreport.records.measurement import EpochRecord, ResultRecord
from vitreport.records.run import RunRecord
from vitreport.records.schema import SCHEMA_VERSION, Version
from vitreport.records.upgrade import parse_epoch, parse_result, parse_run, schema_version
from vitreport.run_id import RunId
from vitreport.spec.run import RunSpec
from vitreport.untrusted_files import UnreadableFileError, read_bounded

MAX_BYTES = {
    "spec.json": 1 << 20,
    "run.json": 1 << 20,
    "result.json": 16 << 20,
    "metrics.jsonl": 64 << 20,
    "mistakes.png": 1 << 18,
    ".holder": 1 << 12,
}
MAX_OTHER_BYTES = 16 << 20
MAX_SKIPPED_LINES = 100
MAX_SHOWN = 100
MOST_EPOCHS_UNKNOWN = 10_000
"""How many epochs are read where the spec that says their number cannot be."""
VERSION: TypeAdapter[int] = TypeAdapter(Version)

AnyRecord = TypeVar("AnyRecord")


@dataclass(frozen=True)
class Damage:
    """A file of a record that could not be read, and why; `place` is a path relative to what was read."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class Run:
    """What could be read of a run folder; `damage` says what could not."""

    folder: Path
    record: RunRecord | None
    spec: RunSpec | None
    epochs: tuple[EpochRecord, ...]
    result: ResultRecord | None
    damage: tuple[Damage, ...]

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def last_accuracy(self) -> tuple[str, float] | None:
        """After the last whole epoch, on the test split where it was watched, else on the validation's: (split, it)."""
        splits = self.epochs[-1].splits if self.epochs else {}
        return next(((name, splits[name].accuracy) for name in ("test", "val", "train") if name in splits), None)

    @property
    def answers(self) -> Answers | None:
        """Which test images the run has right; None where its record does not say it."""
        if not (self.record and self.result and self.result.correct):
            return None
        count = self.result.selected.splits["test"].count
        return Answers(self.record.data.fingerprint, count, unpacked(self.result.correct, count))


def read_run(folder: Path) -> Run:
    """Read what is there; a missing, damaged or contradictory file is added to `damage`, never an exception."""
    damage: list[Damage] = []
    record = read_file(folder / "run.json", parse_run, damage)
    if record and record.id != folder.name:
        damage.append(Damage("run.json", f"is the record of {record.id}"))
        record = None
    done = record is not None and record.status == "done"
    spec = read_file(folder / "spec.json", lambda content: _parse_spec(content, folder.name), damage)
    most_epochs = spec.train.epochs if spec else MOST_EPOCHS_UNKNOWN
    epochs = tuple(read_epochs(folder / "metrics.jsonl", most_epochs, record.data.counts if record else {}, damage))
    if done and spec and len(epochs) < spec.train.epochs:
        damage.append(Damage("metrics.jsonl", f"holds {len(epochs)} of {spec.train.epochs} epochs"))
    return Run(
        folder=folder,
        record=record,
        spec=spec,
        epochs=epochs,
        result=read_file(folder / "result.json", parse_result, damage) if done else None,
        damage=tuple(damage),
    )


def read_file(path: Path, parse: Callable[[bytes], AnyRecord], damage: list[Damage]) -> AnyRecord | None:
    """Read one file of a run through its parser; add what is wrong with it to `damage`."""
    try:
        content = read_run_file(path)
    except UnreadableFileError as error:
        damage.append(Damage(path.name, error.reason))
        return None
    try:
        return parse(content)
    except (SpecError, ValueError) as error:
        damage.append(Damage(path.name, _reason(content, error)))
        return None


def read_run_file(path: Path) -> bytes:
    """Read one file of a run, which may be no larger than such a file gets and never a link.

    Raises:
        UnreadableFileError: If the file is missing, too large, of another kind, or cannot be read.
    """
    return read_bounded(path, MAX_BYTES.get(path.name, MAX_OTHER_BYTES), links=False)


def _parse_spec(content: bytes, run_id: str) -> RunSpec:
    """spec.json as it was written, for this run: the spec's fields beside the schema version."""
    try:
        values = json.loads(content)
        if not isinstance(values, dict):
            raise ValueError("is no table")
        VERSION.validate_python(values.pop("schema_version", SCHEMA_VERSION))
        spec = RunSpec.model_validate_json(json.dumps(values))
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if spec.run_id != RunId.parse(run_id).first_attempt:
        raise ValueError(f"is the spec of {spec.run_id}")
    return spec


def read_epochs(path: Path, most: int, images: Mapping[str, int], damage: list[Damage]) -> Iterator[EpochRecord]:
    """Read the epochs in order, up to number `most`; a run without the file has none.

    `images` counts those of each split, as run.json does: epochs of schema 1 do not.

    A torn, damaged or repeated line is skipped and added to `damage`. Reading stops after many of them, and at a
    later epoch than `most`.
    """
    try:
        content = read_run_file(path)
    except UnreadableFileError as error:
        damage += [] if error.is_missing else [Damage(path.name, error.reason)]
        return
    newest = skipped = 0
    for number, line in enumerate(io.BytesIO(content), start=1):
        found = _epoch(line, newest, images)
        if isinstance(found, EpochRecord):
            if found.epoch > most:
                damage.append(Damage(path.name, f"not read from line {number}: epoch {found.epoch} of {most}"))
                return
            newest = found.epoch
            yield found
            continue
        skipped += 1
        if skipped > MAX_SKIPPED_LINES:
            damage.append(Damage(path.name, f"not read after line {number}: too many damaged lines"))
            return
        damage.append(Damage(path.name, f"line {number} skipped: {found}"))


def refuse_unreadable(path: Path, hint: str) -> None:
    """Refuse a file that is too large or no regular file: written again, it would lose what it holds.

    Raises:
        RecordError: If it is there and cannot be read.
    """
    try:
        read_run_file(path)
    except UnreadableFileError as error:
        if not error.is_missing:
            raise RecordError(f"{path} {error.reason}", hint) from error


def _epoch(line: bytes, newest: int, images: Mapping[str, int]) -> EpochRecord | str:
    """Return the epoch of a line, or why it does not count."""
    try:
        epoch = parse_epoch(line, images)
    except ValueError as error:
        return _reason(line, error)
    return epoch if epoch.epoch > newest else f"epoch {epoch.epoch} follows epoch {newest}"


def _reason(content: bytes, error: Exception) -> str:
    if (version := schema_version(content)) > SCHEMA_VERSION:
        return f"has schema version {version}, written by a newer vitreport"
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))[:MAX_SHOWN]
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
