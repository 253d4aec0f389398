"""Reading the layers of a spec: a file, `--set` assignments, environment variables."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, SpecError
from vitreport.runtime import VARIABLES
from vitreport.spec.compose import Composed, Describe, Layer, compose
from vitreport.spec.fields import fields_of, find_field, nested
from vitreport.untrusted_files import read_bounded, reading_errors

MAX_BYTES = 1 << 16
MAX_PIPE_BYTES = 1 << 20  # what a program writes may be longer than what people write
MAX_LINE = 1 << 12
MAX_DEPTH = 32
YAML_SUFFIXES = (".yaml", ".yml")
YAML_LINE = re.compile(r"(---|%YAML|- |[\w.\"' -]+:(\s|$))")
YAML_HINT = (
    "write `batch_size = 64`, not `batch_size: 64`, and [train], not `train:`; `vitreport spec show MODEL` shows a spec"
)
ENVIRONMENT_PREFIX = "VITREPORT_"


def read_spec(source: Path | str | Mapping[str, Any], describe: Describe) -> Composed:
    """Read one run's spec and check it as the command line does.

    Args:
        source: The path of a TOML file, a run's `spec.json` or a run's folder; or the spec as a dictionary. Fields
            that are left out have their defaults, or follow from the data set.
        describe: Returns the facts of a data set, given its name or path and the image size in the spec, if any.

    Raises:
        SpecError: With every problem at once, each with its field, what is allowed and where it was given.
        DatasetError: Where the images are damaged.
    """
    return compose([read_source(source)], describe)


def read_source(source: Path | str | Mapping[str, Any]) -> Layer:
    """Read what `read_spec` takes as a layer, unchecked."""
    if isinstance(source, Mapping):
        return Layer("the dictionary", {name: value for name, value in source.items() if name != "schema_version"})
    path = Path(source)
    return read_file(path / "spec.json" if path.is_dir() else path)


def read_file(path: Path) -> Layer:
    """A TOML spec, or a JSON one such as a run's `spec.json`. Raises SpecError with the line where it breaks."""
    values = read_table(path, "see `vitreport spec show` for a whole one")
    values.pop("schema_version", None)
    return Layer(str(path), values, yields=True)


def read_table(path: Path, hint: str = "") -> dict[str, Any]:
    """A TOML or JSON file of bounded size and depth; `hint` helps where it breaks. Raises SpecError."""
    text = _read_text(path)
    try:
        values = json.loads(text, object_pairs_hook=_unique_keys) if path.suffix == ".json" else _parse_toml(text)
    except RecursionError as error:
        raise SpecError(f"{path}: nested deeper than {MAX_DEPTH}") from error
    except ValueError as error:  # both decoders' errors and over-long integers
        if path.suffix.lower() in YAML_SUFFIXES or _looks_like_yaml(text):
            raise SpecError(f"{path}: is YAML, but specs and studies are TOML", YAML_HINT) from error
        raise SpecError(f"{path}: {error}", hint) from error
    if not isinstance(values, dict):
        raise SpecError(f"{path}: is a list or a single value", "it should be a table of sections")
    if _depth(values) > MAX_DEPTH:
        raise SpecError(f"{path}: nested deeper than {MAX_DEPTH}")
    return values


def read_assignments(assignments: Iterable[str], origin: str) -> Layer:
    """`field=value` texts. A value is read as TOML (1e-3, true, [1, 2]), "none" as nothing, else as text."""
    pairs: dict[str, Any] = {}
    problems: list[Problem] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not (name.strip() and equals):
            problems.append(Problem(origin, "is not FIELD=VALUE", value=repr(assignment)))
            continue
        try:
            pairs |= fields_of(find_field(name.strip()), parse_value(text))
        except SpecError as error:
            problems += [replace(problem, origin=origin) for problem in error.problems]
    return Layer(origin, nested(pairs), problems)


def read_environment(environment: Mapping[str, str]) -> list[Layer]:
    """`VITREPORT_TRAIN__BATCH_SIZE=64`, or any unique last part: `VITREPORT_BATCH_SIZE=64`; an empty one is not set.

    Returns:
        A layer for each variable, named after it.
    """
    layers: list[Layer] = []
    for name in sorted(environment.keys() - VARIABLES):
        if not name.startswith(ENVIRONMENT_PREFIX) or not environment[name].strip():
            continue
        try:
            path = find_field(name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "."))
            layers.append(layer_of(fields_of(path, parse_value(environment[name])), name))
        except SpecError as error:
            layers.append(Layer(name, {}, [replace(problem, field=name) for problem in error.problems]))
    return layers


def parse_value(text: str) -> Any:
    """A value as TOML writes it; "none" is no value; anything that is not TOML is text."""
    text = text.strip()
    if text.lower() == "none":
        return None
    if len(text) > MAX_LINE:
        return text
    try:
        value = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return value["value"] if set(value) == {"value"} and _depth(value) <= MAX_DEPTH else text


def assign(pairs: Mapping[str, Any], origin: str) -> Layer:
    """A layer from full paths and ready values; None means not given."""
    return layer_of({path: value for path, value in pairs.items() if value is not None}, origin)


def layer_of(pairs: Mapping[str, Any], origin: str) -> Layer:
    """A layer from full paths and ready values, of which None is one."""
    return Layer(origin, nested(pairs))


def _read_text(path: Path) -> str:
    """Read a whole file, or what a pipe such as `<(command)` or /dev/stdin has to say."""
    most = MAX_PIPE_BYTES if _is_pipe(path) else MAX_BYTES
    with reading_errors(SpecError, path, "give the path of a TOML file"):
        return read_bounded(path, most, pipes=True).decode("utf-8-sig")


def _is_pipe(path: Path) -> bool:
    try:
        return path.is_fifo()
    except OSError:  # a path that is too long or a loop of links
        return False


def _looks_like_yaml(text: str) -> bool:
    """Whether the first line that says something is `---`, `key:` or `key: value`, none of which TOML has."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return bool(YAML_LINE.match(next(lines, "")))


def _parse_toml(text: str) -> dict[str, Any]:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > MAX_LINE:
            raise ValueError(f"line {number} is longer than {MAX_LINE} characters")
    return tomllib.loads(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"duplicate key {key[:60]!r}")
        values[key] = value
    return values


def _depth(value: Any) -> int:
    """How deep tables and lists are nested; walks level by level, so that no input exhausts the stack."""
    depth, level = 0, [value]
    while level:
        nested = [item for item in level if isinstance(item, dict | list)]
        level = [child for item in nested for child in (item.values() if isinstance(item, dict) else item)]
        depth += bool(nested)
    return depth
