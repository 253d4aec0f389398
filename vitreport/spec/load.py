"""Read the layers of a spec: a preset, a file, `--set` assignments."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, SpecError, collect_problems
from vitreport.spec.data import drop_former_fields
from vitreport.spec.fields import find_field, set_nested
from vitreport.suggestions import did_you_mean
from vitreport.untrusted_files import read_bounded, reading_errors

PRESETS = Path(__file__).parent.parent / "presets"  # one file for each published experiment
MAX_BYTES = 1 << 20
MAX_LINE = 1 << 12
MAX_DEPTH = 32
SYNTAX_HINTS = {
    "Expected '='": "specs and studies are TOML: `batch_size = 64`, not `batch_size: 64`",
    "Invalid value": 'put text in quotes: `name = "swin"`',
}


@dataclass(frozen=True)
class Layer:
    """Values from one place, nested like a spec, and what could not be read there.

    Where a stronger layer chooses another model or optimizer, the fields that only the former one has are dropped from
    whole specs (presets and files), but never single fields.
    """

    origin: str
    values: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    is_whole: bool = False


def layer_of(fields: Mapping[str, Any], origin: str) -> Layer:
    """Return a layer of single fields, given by their full paths."""
    values: dict[str, Any] = {}
    for path, value in fields.items():
        set_nested(values, path.split("."), value)
    return Layer(origin, values)


def preset_names() -> list[str]:
    """Return the names of the presets that come with vitreport."""
    return sorted(file.stem for file in PRESETS.glob("*.toml"))


def read_preset(name: str) -> Layer:
    """Read a preset by its name. Raises SpecError with the nearest names."""
    if name not in (names := preset_names()):
        hint = did_you_mean(name, names) or "`vitreport models list` lists them"
        raise SpecError(problems=[Problem("preset", "unknown preset", hint, repr(name))])
    return Layer(f"preset {name}", read_table(PRESETS / f"{name}.toml"), is_whole=True)


def preset_for(model: str, dataset: str) -> str | None:
    """Return the preset of a model, by its spec's `whole_label`, and a dataset, if there is one."""
    name = f"{model}-{dataset}"
    return name if name in preset_names() else None


def presets_of(model: str) -> list[str]:
    """Return the presets of an architecture."""
    return [name for name in preset_names() if read_preset(name).values["model"]["name"] == model]


def preset_facts(name: str) -> list[str]:
    """Return what a preset's file says after its command: figures, differences from the paper, time."""
    lines = (PRESETS / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# ") for line in lines[1:] if line.startswith("# ")]


def read_spec_file(path: Path) -> Layer:
    """Read a TOML spec, or a JSON one such as a run's `spec.json`. Raises SpecError, as `read_table` does."""
    values = read_table(path)
    values.pop("schema_version", None)
    drop_former_fields(values)
    return Layer(str(path), values, is_whole=True)


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML or JSON file of bounded size and depth. Raises SpecError with the place of a fault."""
    with reading_errors(SpecError, path, "give the path of a TOML file"):
        text = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    try:
        if path.suffix != ".json" and any(len(line) > MAX_LINE for line in text.splitlines()):
            raise ValueError(f"a line is longer than {MAX_LINE} characters")  # which would take minutes
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        if _is_too_deep(values):
            raise RecursionError
    except RecursionError as error:
        raise SpecError(f"{path}: nested deeper than {MAX_DEPTH}", "use fewer levels of tables") from error
    except ValueError as error:  # both decoders' errors and over-long integers
        hint = next((hint for fault, hint in SYNTAX_HINTS.items() if fault in str(error)), "")
        raise SpecError(f"{path}: {error}", hint) from error
    if not isinstance(values, dict):
        raise SpecError(f"{path}: is a list or a single value", "it should be a table of sections")
    return values


def read_assignments(assignments: Iterable[str]) -> Layer:
    """Read the `FIELD=VALUE` texts of `--set`, with values as `parse_value` reads them."""
    fields: dict[str, Any] = {}
    problems: list[Problem] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not (name.strip() and equals):
            problems.append(Problem("--set", "must be FIELD=VALUE", "such as batch_size=64", repr(assignment)))
            continue
        with collect_problems(problems, origin="--set"):
            fields[find_field(name.strip())] = parse_value(text)
    return replace(layer_of(fields, "--set"), problems=problems)


def parse_value(text: str) -> Any:
    """Read a value as TOML writes it; "none" is no value; anything that is not TOML is text."""
    text = text.strip()
    values: dict[str, Any] = {"value": None} if text.lower() == "none" else {}
    if len(text) <= MAX_LINE and not values:
        with suppress(ValueError, RecursionError):
            values = tomllib.loads(f"value = {text}")
    return values["value"] if set(values) == {"value"} and not _is_too_deep(values) else text


def _is_too_deep(value: Any, levels: int = MAX_DEPTH) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list) and (levels == 0 or any(_is_too_deep(each, levels - 1) for each in items))
