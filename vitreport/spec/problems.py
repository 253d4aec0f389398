"""pydantic's findings in the words of a user: the field, what was given, what is allowed, the nearest right name."""

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from vitreport.errors import Problem
from vitreport.spec.fields import ALIASES, did_you_mean, field_paths, members

SHOWN_CHARACTERS = 60


def translated(detail: ErrorDetails, section: str, field: FieldInfo) -> Problem:
    """One of pydantic's errors inside `section` as a problem with its dotted path."""
    kinds = members(field.annotation)
    location = [part for part in detail["loc"] if part not in _tags(kinds)]
    path = ".".join([section, *map(str, location)])
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return unknown_field(path, *_owners(kinds, detail["loc"]))
        case "union_tag_not_found":
            return Problem(f"{path}.name", "is missing", f"one of {_unquoted(context['expected_tags'])}")
        case "union_tag_invalid":
            allowed = _unquoted(context["expected_tags"]).split(", ")
            return Problem(
                f"{path}.name", "unknown name", did_you_mean(context["tag"], allowed), _shown(context["tag"])
            )
        case "missing":
            return Problem(path, "is missing")
    return Problem(path, detail["msg"].replace("Input should", "must"), value=_shown(detail["input"]))


def unknown_field(path: str, *owners: type[BaseModel]) -> Problem:
    """An unknown field with the nearest name among its neighbours, or else where in the spec that name lives."""
    name = path.rpartition(".")[2]
    wanted = ALIASES.get(name, name)
    neighbours = [field for owner in owners for field in owner.model_fields]
    elsewhere = [known for known in field_paths() if known.rpartition(".")[2] == wanted]
    if elsewhere and wanted not in neighbours:
        return Problem(path, "unknown field", f"did you mean {' or '.join(elsewhere)}?")
    return Problem(path, "unknown field", did_you_mean(wanted, neighbours))


def _owners(kinds: list[type[BaseModel]], location: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """The section classes that an error's location leads through, the innermost alone."""
    named = [kind for kind in _all_sections(kinds) if _tag(kind) in location]
    return named[-1:] or kinds


def _all_sections(kinds: list[type[BaseModel]]) -> list[type[BaseModel]]:
    inner = [item for kind in kinds for field in kind.model_fields.values() for item in _items(field.annotation)]
    return [*kinds, *inner]


def _items(annotation: Any) -> list[type[BaseModel]]:
    """The sections inside a tuple's annotation."""
    return [member for argument in getattr(annotation, "__args__", ()) for member in members(argument)]


def _tag(kind: type[BaseModel]) -> Any:
    name = kind.model_fields.get("name")
    return name.default if name else None


def _tags(kinds: list[type[BaseModel]]) -> set[Any]:
    return {tag for kind in _all_sections(kinds) if (tag := _tag(kind)) is not None}


def _unquoted(names: str) -> str:
    return names.replace("'", "")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
