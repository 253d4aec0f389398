"""The fields of a section of the spec in words, from its JSON Schema."""

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from vitreport.cli.console import print_json, print_table, print_text
from vitreport.errors import SpecError
from vitreport.formatting import did_you_mean, toml_value
from vitreport.spec.augment import AugmentSpec, MixSpec
from vitreport.spec.data import DataSpec
from vitreport.spec.model import implementations
from vitreport.spec.optimizer import OptimizerSpec, ScheduleSpec
from vitreport.spec.run import TrainSpec
from vitreport.spec.section import members, tags_of

SECTIONS = {
    "data": DataSpec,
    "data.augment": AugmentSpec,
    "data.mix": MixSpec,
    "optimizer": OptimizerSpec,
    "schedule": ScheduleSpec,
    "train": TrainSpec,
}
"""What a spec consists of beside its model; of some there are several kinds, told apart by their names."""

LARGEST = 2**31 - 1  # what every whole number is held below: no range that a user needs to know
TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "null": "none"}


@dataclass(frozen=True)
class FieldInWords:
    """`allowed` is empty where the type says it all; a field that is `required` has no default."""

    name: str
    type: str
    allowed: str
    required: bool
    default: Any


def show_fields(section: str | None, *, as_json: bool) -> None:
    """Each kind of each section, or of one: what it is and its fields. Raises SpecError for an unknown section."""
    if section and section not in SECTIONS:
        raise SpecError(f"there is no section {section}", did_you_mean(section, SECTIONS))
    kinds = [(name, kind) for name in ([section] if section else SECTIONS) for kind in members(SECTIONS[name])]
    if as_json:
        print_json(
            [
                {
                    "section": name,
                    "name": _name(kind),
                    "description": _description(kind),
                    "fields": [asdict(field) for field in fields_in_words(kind)],
                }
                for name, kind in kinds
            ]
        )
        return
    for number, (name, kind) in enumerate(kinds):
        heading = f"{name}, {toml_value(_name(kind))}" if _name(kind) else name
        print_text("\n" * (number > 0) + f"{heading}: {_description(kind)}")
        rows = [
            (each.name, each.type, each.allowed, default_in_words(each, is_derived=name == "data"))
            for each in fields_in_words(kind)
        ]
        if rows:
            print_table(["field", "type", "allowed", "default"], rows)


def _description(kind: type[BaseModel]) -> str:
    return inspect.getdoc(kind) or ""


def _name(kind: type[BaseModel]) -> str | None:
    return kind.model_fields["name"].default if "name" in kind.model_fields else None


def default_in_words(field: FieldInWords, *, is_derived: bool) -> str:
    """What stands for a field that is left out; `is_derived` says that the data set tells it then."""
    if field.required:
        return "from the data set" if is_derived else "to be given"
    return toml_value(field.default)


def fields_in_words(section: type[BaseModel]) -> list[FieldInWords]:
    """Every field of a section but the `name` that tells it from others."""
    schema = section.model_json_schema()
    choices = {tag: [tags_of(kind)[tag] for kind in implementations(section)] for tag in tags_of(section)}
    return [
        FieldInWords(
            name,
            _type({"enum": choices[name]} if name in choices else field),
            _allowed(field),
            "default" not in field,
            field.get("default"),
        )
        for name, field in schema["properties"].items()
        if name != "name"
    ]


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "enum" in field:
        return " or ".join(map(toml_value, field["enum"]))
    if "prefixItems" in field:
        return f"[{', '.join(map(_type, field['prefixItems']))}]"
    if "items" in field:
        return f"list of {_type(field['items'])}s"
    return TYPES.get(field.get("type", ""), "table")


def _allowed(field: Mapping[str, Any]) -> str:
    """The range of a number, or of the numbers in a list and how many there are."""
    if "anyOf" in field:
        return " or ".join(filter(None, map(_allowed, field["anyOf"])))
    if "prefixItems" in field:
        return " and ".join(dict.fromkeys(map(_allowed, field["prefixItems"])))
    counts = _range(field, "minItems", "maxItems")
    if "items" in field:
        return f"{_allowed(field['items'])}; {counts} of them" if counts else _allowed(field["items"])
    above, below = field.get("exclusiveMinimum"), field.get("exclusiveMaximum")
    strict = [f"above {above:g}" if above is not None else "", f"below {below:g}" if below is not None else ""]
    return ", ".join(filter(None, [*strict, _range(field, "minimum", "maximum")]))


def _range(field: Mapping[str, Any], lowest: str, highest: str) -> str:
    low, high = field.get(lowest), field.get(highest)
    if high is None or high == LARGEST:
        return "" if low is None else f"{low:g} or more"
    return f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
