"""The names of a spec's fields: every dotted path, short forms, aliases and the nearest right name."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_origin

from pydantic import BaseModel

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.augment import AugmentSpec
from vitreport.spec.run import RunSpec
from vitreport.spec.section import members, tag_of

ALIASES = {"lr": "learning_rate"}


@cache
def field_paths() -> tuple[str, ...]:
    """Every field that can be set, as a dotted path (`train.batch_size`); union members share their paths."""
    return tuple(dict.fromkeys(path for path, _ in _fields(RunSpec)))


def find_field(name: str) -> str:
    """The full path of a field named by its path or by a last part that is unique, or of an entry of a free table.

    The name of a section means its `name`: `optimizer` is `optimizer.name`. Raises SpecError, with the candidates where
    several fields end so.
    """
    for table in _free_tables():
        for prefix in (f"{table}.", f"{last_part(table)}."):
            if name.startswith(prefix) and (entry := name.removeprefix(prefix)).isidentifier():
                return f"{table}.{entry}"
    *parents, last = name.split(".")
    wanted = ".".join([*parents, ALIASES.get(last, last)])
    matches = [path for path in field_paths() if path in (wanted, f"{wanted}.name")] or [
        path for path in field_paths() if path.endswith(f".{wanted}")
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise SpecError(problems=[Problem(name, "the name is not unique", f"one of {', '.join(matches)}")])
    if wanted in map(tag_of, members(AugmentSpec)):
        hint = f'augment=[{{name="{wanted}"}}]'
    else:
        near = did_you_mean(wanted, field_paths() if parents else map(last_part, field_paths()))
        hint = near or "`vitreport spec show MODEL` shows every field"
    raise SpecError(problems=[Problem(name, "unknown field", hint)])


def fields_of(path: str, value: Any) -> dict[str, Any]:
    """The fields that a value sets: `timm/resnet18`, as a model's name, is two of them."""
    if path == "model.name" and isinstance(value, str) and value.startswith("timm/"):
        return {path: "timm", "model.architecture": value.removeprefix("timm/")}
    return {path: value}


def nested(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their full paths, nested like a spec."""
    values: dict[str, Any] = {}
    for path, value in pairs.items():
        table = values
        *parents, last = path.split(".")
        for parent in parents:
            inner = table.get(parent)
            table[parent] = {**inner} if isinstance(inner, dict) else {}
            table = table[parent]
        table[last] = value
    return values


def last_part(path: str) -> str:
    return path.rpartition(".")[2]


def _fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and the annotation of every field in a section."""
    for name, field in section.model_fields.items():
        inner = members(field.annotation)
        if not inner:
            yield f"{prefix}{name}", field.annotation
        for member in inner:
            yield from _fields(member, f"{prefix}{name}.")


@cache
def _free_tables() -> tuple[str, ...]:
    """The fields that are tables of which the spec does not know the entries (`model.arguments`)."""
    return tuple(path for path, annotation in _fields(RunSpec) if get_origin(annotation) is dict)
