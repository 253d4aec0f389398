"""Parse records of every schema version.

Schema 1 had the share of correct images instead of their number, top-5 accuracy as a field of its own, only the labels
of the values of a sweep, whose trials it called cells, and, in the very first records, the name of the machine.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json, to_json

from vitreport.errors import SpecError
from vitreport.records.schema import SCHEMA_VERSION, Count, Fraction, Record
from vitreport.spec.data import drop_former_fields
from vitreport.spec.fields import fields_of, find_field
from vitreport.spec.load import parse_value
from vitreport.spec.sweep import ValueSpec, parse_list

Model = TypeVar("Model", bound=BaseModel)


def parse(kind: type[Model], content: bytes, images: Mapping[str, int] | None = None) -> Model:
    """Parse a file or a line of any schema version; an epoch of schema 1 needs `images`, the `counts` of run.json.

    Raises ValueError if it is not such a record, or a newer version of the package wrote it.
    """
    try:
        values = from_json(content)
    except ValueError as error:
        raise ValueError(f"Invalid JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError("is not a JSON object")
    version = values.pop("schema_version", 1 if "cells" in values else SCHEMA_VERSION)
    if version not in range(1, SCHEMA_VERSION + 1):
        raise ValueError(f"has schema version {version!r:.20}, written by a newer vitreport")
    drop_former_fields(values)
    return kind.model_validate_json(to_json(_upgraded(values, images or {}) if version == 1 else values))


class _Measured1(Record):
    """What schema 1 kept of a split or a bin in another form."""

    count: Count
    accuracy: Fraction
    top5: Fraction | None = None


class _Axis1(Record):
    name: str
    values: list[str]

    def value(self, label: str) -> ValueSpec:
        """Read back what one value of the axis sets; a variant is known by its name only."""
        names = self.name.split(", ")
        try:
            values = parse_list(label) if len(names) > 1 else [parse_value(label)]
            pairs = zip(map(find_field, names), values, strict=True)
            fields = {name: each for path, value in pairs for name, each in fields_of(path, value).items()}
        except (SpecError, ValueError):
            return ValueSpec(label=label, value=label, fields={})
        return ValueSpec(label=label, value=values if len(names) > 1 else values[0], fields=fields)


def _upgraded(values: dict[str, Any], images: Mapping[str, int]) -> dict[str, Any]:
    splits = values.get("splits")  # of an epoch
    for name, split in splits.items() if isinstance(splits, dict) else ():
        if name not in images:
            raise ValueError(f"run.json does not say how many images {name} has")
        if isinstance(split, dict):
            split["count"] = images[name]
    if "cells" in values:
        axes = TypeAdapter(list[_Axis1]).validate_python(values.get("axes"))
        values["axes"] = [{"name": axis.name, "values": [axis.value(label) for label in axis.values]} for axis in axes]
        values["trials"] = values.pop("cells")
    return {name: _with_counts(value) for name, value in values.items() if name not in ("host", "process")}


def _with_counts(value: Any) -> Any:
    """Replace the accuracy of every split and bin by the number of correct images, and `top5` by a metric."""
    if isinstance(value, list):
        return [_with_counts(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "accuracy" not in value:
        return {name: _with_counts(each) for name, each in value.items()}
    old = _Measured1.model_validate({name: value.get(name) for name in _Measured1.model_fields})
    metrics = {} if old.top5 is None else {"metrics": {"top5": old.top5}}
    kept = {name: each for name, each in value.items() if name not in ("accuracy", "top5")}
    return {"correct": round(old.accuracy * old.count), **metrics, **kept}
