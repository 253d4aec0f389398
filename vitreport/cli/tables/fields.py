"""The fields of a section of the spec in words, from its JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreport.spec.section import Section
from vitreport.text import toml_value

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


def fields_in_words(section: type[Section]) -> list[FieldInWords]:
    """Every field of a section but the `name` that tells it from others."""
    schema = section.model_json_schema()
    return [
        FieldInWords(name, _type(field), _allowed(field), "default" not in field, field.get("default"))
        for name, field in schema["properties"].items()
        if name != "name"
    ]


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "enum" in field:
        return " or ".join(map(toml_value, field["enum"]))
    if "items" in field:
        return f"list of {_type(field['items'])}s"
    return TYPES.get(field.get("type", ""), "table")


def _allowed(field: Mapping[str, Any]) -> str:
    """The range of a number, or of the numbers in a list and how many there are."""
    if "anyOf" in field:
        return " or ".join(filter(None, map(_allowed, field["anyOf"])))
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
