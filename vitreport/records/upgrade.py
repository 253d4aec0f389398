"""Records of schema 1, read as those of today. No other module knows the older format.

Schema 1 had the share of right images instead of their number, top-5 accuracy as a field of its own, and, in the very
first records, the name of the machine.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from vitreport.records.epoch import EpochRecord
from vitreport.records.measurement import CalibrationBin, Measurement, SplitDetails
from vitreport.records.result import Bits, EpochResult, MistakeSheet, ResultRecord
from vitreport.records.run import RunRecord
from vitreport.records.schema import Amount, Count, Fraction, Loss, Record, Text


def parse_run(content: bytes) -> RunRecord:
    """Read run.json of any schema version."""
    if schema_version(content) != 1:
        return RunRecord.model_validate_json(content)
    values = dict(_Run.model_validate_json(content))
    return RunRecord(**{name: values[name] for name in RunRecord.model_fields if name != "schema_version"})


def parse_epoch(line: bytes, images: Mapping[str, int]) -> EpochRecord:
    """Read a line of metrics.jsonl of any schema version; `images` counts those of each split, as run.json does."""
    if schema_version(line) != 1:
        return EpochRecord.model_validate_json(line)
    old = _Epoch.model_validate_json(line)
    if unknown := [name for name in old.splits if not images.get(name)]:
        raise ValueError(f"run.json does not tell how many images {unknown[0]} has")
    splits = {
        name: Measurement(count=images[name], correct=_right(split.accuracy, images[name]), loss=split.loss)
        for name, split in old.splits.items()
    }
    values = {name: value for name, value in old if name not in ("schema_version", "splits")}
    return EpochRecord(splits=splits, **values)


def parse_result(content: bytes) -> ResultRecord:
    """Read result.json of any schema version."""
    if schema_version(content) != 1:
        return ResultRecord.model_validate_json(content)
    old = _Result.model_validate_json(content)
    return ResultRecord(
        selection=old.selection,
        selected=old.selected.upgraded(),
        last=old.last.upgraded(),
        test=old.test.upgraded(),
        correct=old.correct,
        mistakes=old.mistakes,
        weights_sha256=old.weights_sha256,
        predictions_sha256=old.predictions_sha256,
    )


class _Versioned(BaseModel):
    schema_version: int


def schema_version(content: bytes) -> int:
    """Return the version that a file or a line names; 0 if it names none."""
    try:
        return _Versioned.model_validate_json(content).schema_version
    except ValidationError:
        return 0


def _right(accuracy: float, count: int) -> int:
    return round(accuracy * count)


class _Run(RunRecord):
    host: Text | None = None
    process: Count | None = None


class _Split(Record):
    loss: Loss
    accuracy: Fraction


class _Epoch(Record):
    schema_version: int
    epoch: Count
    step: Count
    learning_rate: float
    splits: dict[Text, _Split]
    images_per_second: Amount
    seconds: Amount
    peak_memory_bytes: Count


class _Measurement(Record):
    count: Count
    loss: Loss
    accuracy: Fraction
    top5: Fraction | None

    def upgraded(self) -> Measurement:
        metrics = {} if self.top5 is None else {"top5": self.top5}
        return Measurement(count=self.count, correct=_right(self.accuracy, self.count), loss=self.loss, metrics=metrics)


class _EpochResult(Record):
    epoch: Count
    step: Count
    splits: dict[Text, _Measurement]

    def upgraded(self) -> EpochResult:
        splits = {name: split.upgraded() for name, split in self.splits.items()}
        return EpochResult(epoch=self.epoch, step=self.step, splits=splits)


class _Bin(Record):
    count: Count
    confidence: Fraction
    accuracy: Fraction


class _Details(Record):
    expected_calibration_error: Fraction
    calibration: tuple[_Bin, ...]
    per_class_count: tuple[Count, ...]
    per_class_correct: tuple[Count, ...]
    confusion: tuple[tuple[Count, ...], ...] | None

    def upgraded(self) -> SplitDetails:
        bins = tuple(
            CalibrationBin(count=each.count, correct=_right(each.accuracy, each.count), confidence=each.confidence)
            for each in self.calibration
        )
        return SplitDetails(**{**dict(self), "calibration": bins})


class _Result(Record):
    schema_version: int
    selection: Text
    selected: _EpochResult
    last: _EpochResult
    test: _Details
    correct: Bits | None = None
    mistakes: MistakeSheet | None = None
    weights_sha256: Text
    predictions_sha256: Text
