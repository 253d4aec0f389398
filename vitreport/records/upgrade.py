"""Records of schema 1, rewritten as those of today and then checked like them.

Schema 1 had the share of right images instead of their number, top-5 accuracy as a field of its own, and, in the very
first records, the name of the machine.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from vitreport.records.measurement import EpochRecord, ResultRecord
from vitreport.records.run import RunRecord
from vitreport.records.schema import SCHEMA_VERSION, Count, Fraction, Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


def parse_run(content: bytes) -> RunRecord:
    """Read run.json of any schema version."""
    if schema_version(content) != 1:
        return RunRecord.model_validate_json(content)
    values = {name: value for name, value in json.loads(content).items() if name not in ("host", "process")}
    return _checked(RunRecord, values)


def parse_epoch(line: bytes, images: Mapping[str, int]) -> EpochRecord:
    """Read a line of metrics.jsonl of any schema version; `images` counts those of each split, as run.json does."""
    if schema_version(line) != 1:
        return EpochRecord.model_validate_json(line)
    values = json.loads(line)
    splits = values.get("splits")
    for name, split in splits.items() if isinstance(splits, dict) else ():
        if not images.get(name):
            raise ValueError(f"run.json does not tell how many images {name} has")
        if isinstance(split, dict):
            split["count"] = images[name]
    return _checked(EpochRecord, _upgraded(values))


def parse_result(content: bytes) -> ResultRecord:
    """Read result.json of any schema version."""
    if schema_version(content) != 1:
        return ResultRecord.model_validate_json(content)
    return _checked(ResultRecord, _upgraded(json.loads(content)))


def schema_version(content: bytes) -> int:
    """Return the version that a file or a line names; 0 if it names none."""
    try:
        return _Versioned.model_validate_json(content).schema_version
    except ValidationError:
        return 0


class _Versioned(BaseModel):
    model_config = ConfigDict(strict=True)

    schema_version: int


class _Measured(Record):
    """What schema 1 kept of a split or a bin in another form."""

    count: Count
    accuracy: Fraction
    top5: Fraction | None = None


def _upgraded(value: Any) -> Any:
    """Replace the accuracy of every split and bin by the number of right images, and `top5` by a metric."""
    if isinstance(value, list):
        return [_upgraded(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "accuracy" not in value:
        return {name: _upgraded(each) for name, each in value.items()}
    old = _Measured.model_validate({name: value.get(name) for name in _Measured.model_fields})
    metrics = {} if old.top5 is None else {"metrics": {"top5": old.top5}}
    kept = {name: each for name, each in value.items() if name not in ("accuracy", "top5")}
    return {"correct": round(old.accuracy * old.count), **metrics, **kept}


def _checked(kind: type[AnyRecord], values: dict[str, Any]) -> AnyRecord:
    return kind.model_validate_json(json.dumps({**values, "schema_version": SCHEMA_VERSION}))
