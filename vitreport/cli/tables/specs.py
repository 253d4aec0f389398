"""The fields of specs and their values as tables."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from vitreport.cli.console import note
from vitreport.formatting import toml_value
from vitreport.runtime import Runtime
from vitreport.spec.compose import Composed
from vitreport.spec.fields import flat
from vitreport.spec.model import implementations
from vitreport.spec.run import RunSpec
from vitreport.spec.section import tags_of

LINE_CHARACTERS = 80
LARGEST = 2**31 - 1  # the limit of every whole number: no range that a user needs to know
TYPES = {"integer": "whole number", "boolean": "true or false", "string": "text", "null": "none", "object": "table"}
LIMITS = {"exclusiveMinimum": "above", "exclusiveMaximum": "below", "minimum": "at least", "maximum": "at most"}


class FieldRow(NamedTuple):
    """A field of a section; one without a default is required, or derived from the dataset."""

    name: str
    type: str
    required: bool
    derived: bool
    default: Any

    @property
    def shown_default(self) -> str:
        """The default as a table shows it."""
        return "from the dataset" if self.derived else "required" if self.required else toml_value(self.default)


def field_rows(section: type[BaseModel]) -> Iterator[FieldRow]:
    """Yield every field of a section from its JSON Schema, except its `name`."""
    choices = {tag: [tags_of(kind)[tag] for kind in implementations(section)] for tag in tags_of(section)}
    for name, field in section.model_json_schema()["properties"].items():
        if name != "name":
            described = {"enum": choices[name]} if name in choices else field
            is_derived, default = field.get("derived", False), field.get("default")
            yield FieldRow(name, _type(described), "default" not in field, is_derived, default)


def _type(field: Mapping[str, Any]) -> str:
    """Write what a field takes: whole number at least 1."""
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "const" in field:
        return toml_value(field["const"])
    if "enum" in field:
        return " or ".join(map(toml_value, field["enum"]))
    if "prefixItems" in field:
        return f"[{', '.join(map(_type, field['prefixItems']))}]"
    if "items" in field:
        return f"list of {_type(field['items'])}"
    limits = [f"{word} {field[limit]:g}" for limit, word in LIMITS.items() if field.get(limit, LARGEST) != LARGEST]
    return " ".join([TYPES.get(kind := field.get("type", "object"), kind), " and ".join(limits)]).strip()


def spec_rows(spec: RunSpec) -> list[tuple[str, str]]:
    """Return each field of a spec and its value; the second and later lines of a long value have no name."""
    rows = []
    for path, value in flat(spec.model_dump(mode="json")).items():
        lines = [toml_value(value)]
        if len(lines[0]) > LINE_CHARACTERS and isinstance(value, list | tuple):
            items = [textwrap.wrap(f"{toml_value(item)},", LINE_CHARACTERS, break_on_hyphens=False) for item in value]
            lines = ["[", *(f"  {line}" for item in items for line in item), "]"]
        rows += [(path if number == 0 else "", line) for number, line in enumerate(lines)]
    return rows


def origin_rows(composed: Composed) -> list[tuple[str, str, str]]:
    """Return each field of a spec, its value and where that comes from."""
    return [(*row, row[0] and composed.origins.get(row[0], "default")) for row in spec_rows(composed.spec)]


def note_origins(composed: Composed, runtime: Runtime) -> None:
    """Note, for `--verbose`, each value of the spec with its origin and the folders that are used."""
    for path, value, origin in origin_rows(composed):
        note(f"{path} = {value} ({origin})" if path else f"    {value}")
    folders = {"datasets": runtime.data_dir, "decoded images": runtime.cache_dir, "runs": runtime.runs_dir}
    for name, folder in folders.items():
        note(f"{name} in {folder.absolute()}")
