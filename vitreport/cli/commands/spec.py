"""`vitreport spec`: show the fields or a whole spec, and check one."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import tomli_w
import typer
from pydantic import BaseModel

from vitreport.cli import options
from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.options import argument
from vitreport.errors import SpecError
from vitreport.formatting import toml_value
from vitreport.spec.augment import AugmentSpec, MixSpec
from vitreport.spec.base import members, tag_of
from vitreport.spec.data import DataSpec
from vitreport.spec.load import preset_facts
from vitreport.spec.optimizer import OptimizerSpec, ScheduleSpec
from vitreport.spec.run import TrainSpec
from vitreport.suggestions import did_you_mean

SECTIONS = {
    "data": DataSpec,
    "data.augment": AugmentSpec,
    "data.mix": MixSpec,
    "optimizer": OptimizerSpec,
    "schedule": ScheduleSpec,
    "train": TrainSpec,
}
"""The parts of a spec, without the model; some have several kinds with different names."""

MAX_INT = 2**31 - 1  # the limit of every whole number: no range that a user needs to know
TYPES = {"integer": "whole number", "boolean": "true or false", "string": "text", "null": "none", "object": "table"}
LIMITS = {"exclusiveMinimum": "above", "exclusiveMaximum": "below", "minimum": "at least", "maximum": "at most"}

app = typer.Typer(no_args_is_help=True)


@app.command()
def fields(
    section: Annotated[str | None, argument("Section, such as data.augment (default: all).", "SECTION")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the fields of a spec with their types. `vitreport models show` lists those of a model.

    Example:
        vitreport spec fields data.augment
    """
    if section and section not in SECTIONS:
        raise SpecError(f"unknown section: {section}", did_you_mean(section, SECTIONS))
    kinds = [(name, kind) for name in ([section] if section else SECTIONS) for kind in members(SECTIONS[name])]
    sections: list[dict[str, Any]] = []
    rows: list[tuple[str, ...]] = []
    for name, kind in kinds:
        tag, found = tag_of(kind), list(field_rows(kind))
        about = {"section": name, "name": tag, "description": inspect.getdoc(kind)}
        sections.append({**about, "fields": [field._asdict() for field in found]})
        rows += [(name, "name", toml_value(tag), "")] if tag else []
        rows += [(name, field.name, field.type, field.shown_default) for field in found]
    if as_json:
        print_json({"sections": sections})
    else:
        print_table(["section", "field", "type", "default"], rows)


@app.command()
def check(
    file: Annotated[Path, argument("TOML file with a spec, or the spec.json of a run.", "FILE")],
    data_dirs: options.DataDirs = None,
    as_json: options.AsJson = False,
) -> None:
    """Check a spec: print all problems, or the id of its run.

    Example:
        vitreport spec check my.toml
    """
    spec = options.SpecOptions(spec=file).compose(data_dirs).spec
    if as_json:
        print_json({"id": spec.run_id, "spec": spec})
    else:
        note(f"{file}: valid spec of {spec.model.name} on {spec.data.dataset}")
        print_text(spec.run_id)


@app.command()
@options.grouped
def show(wanted: options.SpecOptions, data_dirs: options.DataDirs = None, as_json: options.AsJson = False) -> None:
    """Print a complete spec as TOML.

    Example:
        vitreport spec show perceiver-io > my.toml
    """
    composed = wanted.compose(data_dirs)
    if as_json:
        print_json(dict(composed.spec))
        return
    if composed.preset:
        print_text("\n".join(f"# {line}" for line in [f"preset {composed.preset}", *preset_facts(composed.preset)]))
    print_text(tomli_w.dumps(composed.spec.model_dump(mode="json", exclude_none=True)).strip())


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
    for name, field in section.model_json_schema()["properties"].items():
        if name != "name":
            is_derived, default = field.get("derived", False), field.get("default")
            yield FieldRow(name, _type(field), "default" not in field, is_derived, default)


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
    limits = [f"{word} {field[limit]:g}" for limit, word in LIMITS.items() if field.get(limit, MAX_INT) != MAX_INT]
    return " ".join([TYPES.get(kind := field.get("type", "object"), kind), " and ".join(limits)]).strip()
