"""The fields of a spec by their dotted paths, such as `train.batch_size`: short names, and tables made flat."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.run import RunSpec
from vitreport.spec.section import Section, members

ALIASES = {"lr": "learning_rate"}
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
SHOWN_CHARACTERS = 60
FREE_TABLE = "model.arguments"  # has keys that only timm knows
Place = tuple[str, ...]


@cache
def field_paths() -> tuple[str, ...]:
    """Return every field that can be set, as a dotted path; members of a union share their paths."""
    return tuple(dict.fromkeys(_paths(RunSpec)))


def find_field(name: str) -> str:
    """Return the full path of a field, given by its path or by a last part that is unique. Raises SpecError if not.

    An entry of a table with free keys is a field too (`model.arguments.drop_rate`). The name of a section means its
    `name`: `optimizer` is `optimizer.name`.
    """
    *parents, last = name.split(".")
    if ".".join(parents) in (FREE_TABLE, FREE_TABLE.split(".")[-1]) and last.isidentifier():
        return f"{FREE_TABLE}.{last}"
    wanted = ".".join([*parents, ALIASES.get(last, last)])
    matches = _matching(wanted)
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise SpecError(problems=[Problem(name, "the name is not unique", f"one of {', '.join(matches)}")])
    near = did_you_mean(wanted, field_paths() if parents else (path.split(".")[-1] for path in field_paths()))
    raise SpecError(problems=[Problem(name, "unknown field", near or "`vitreport spec show MODEL` shows every field")])


def fields_of(path: str, value: Any) -> dict[str, Any]:
    """Return the fields that a value sets: `timm/resnet18`, as a model's name, sets two."""
    if path == "model.name" and isinstance(value, str) and value.startswith("timm/"):
        return {path: "timm", "model.architecture": value.removeprefix("timm/")}
    return {path: value}


def dotted(parts: Sequence[str]) -> str:
    """Write a path as TOML does: a part that is no bare key is quoted; an overlong one is cut."""
    return ".".join(part if BARE_KEY.match(part) else json.dumps(part, ensure_ascii=False) for part in map(cut, parts))


def cut(text: str) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values by their dotted paths; lists stay whole."""
    return {dotted(path): value for path, value in leaves(values)}


def leaves(values: Mapping[str, Any], prefix: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield the values in a table and in its tables, with their paths; an empty table is a value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*prefix, str(name)))
        else:
            yield (*prefix, str(name)), value


def put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set one value in nested tables. It replaces a table and the other way round; an empty table adds nothing."""
    *parents, last = path
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    if value != {}:
        values[last] = value
    elif not isinstance(values.get(last), dict):
        values[last] = {}


def _matching(name: str) -> list[str]:
    paths = field_paths()
    exact = [path for path in paths if path in (name, f"{name}.name")]
    return exact or [path for path in paths if path.endswith(f".{name}")]


def _paths(section: type[Section], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = members(field.annotation)
        yield from (path for member in inner for path in _paths(member, f"{prefix}{name}."))
        yield from [] if inner else [f"{prefix}{name}"]
