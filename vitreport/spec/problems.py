"""pydantic's findings in the words of a user: the field, what was given, what is allowed, the nearest right name."""

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from vitreport.errors import Problem
from vitreport.formatting import toml_value
from vitreport.spec.fields import ALIASES, did_you_mean, field_paths
from vitreport.spec.model import implementations
from vitreport.spec.run import RunSpec
from vitreport.spec.section import members, tag_of, tags_of

SHOWN_CHARACTERS = 60
MOST_PROBLEMS = 50  # of one section; nobody reads more, and each costs time
MISPLACED = {
    "mixture": ("a mixture cannot stand in a mixture", "list its operations"),
    "mixup": ("mixup is no augmentation of single images", "set data.mix.mixup_alpha"),
    "cutmix": ("CutMix is no augmentation of single images", "set data.mix.cutmix_alpha"),
}
"""Names that exist, and not where they were given."""
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def problems_of(error: ValidationError, section: str, field: FieldInfo) -> list[Problem]:
    """What pydantic found in one section."""
    details = error.errors(include_url=False)
    told = [translated(detail, section, field) for detail in details[:MOST_PROBLEMS]]
    return told + and_more(len(details) - len(told), section)


def and_more(count: int, place: str) -> list[Problem]:
    return [Problem(place, f"has {count} more problems")] if count > 0 else []


def translated(detail: ErrorDetails, section: str, field: FieldInfo) -> Problem:
    """One of pydantic's errors inside `section` as a problem with its dotted path."""
    inner, owners = _located(members(field.annotation), detail["loc"])
    path, given = dotted([section, *inner]), shown_input(detail["input"])
    allowed = list(dict.fromkeys(name for owner in owners if (name := tag_of(owner))))
    match detail["type"]:
        case "extra_forbidden":
            return unknown_field([section, *inner], *owners)
        case "union_tag_not_found":
            return Problem(f"{path}.name", "is missing", f"one of {', '.join(allowed)}")
        case "union_tag_invalid":
            tag = detail["ctx"]["tag"]
            fault, hint = MISPLACED.get(tag, ("unknown name", _member_hint(tag, allowed)))
            return Problem(f"{path}.name", fault, hint, shown_input(tag))
        case "missing":
            return Problem(path, "is missing", _example(owners, inner[-1]))
        case "string_pattern_mismatch":
            return Problem(path, "must be a name of 1 to 100 printable characters without slashes", value=given)
        case "dict_type" if detail["input"] in allowed:
            return Problem(path, worded(detail["msg"]), f'{{name="{detail["input"]}"}}', given)
        case "tuple_type" if listed := _listed(owners, inner[-1:]):
            name = detail["input"] if detail["input"] in listed else listed[0]
            return Problem(path, worded(detail["msg"]), f'such as [{{name="{name}"}}]', given)
        case "tuple_type":
            return Problem(path, worded(detail["msg"]), _example(owners, inner[-1]), given)
        case "json_invalid":  # the JSON is vitreport's own, so that only a text in it can be at fault
            return Problem(path, "holds a text that is not Unicode")
    choices = [tags_of(kind).get(inner[-1]) for owner in owners for kind in implementations(owner) if inner]
    message = f"must be {' or '.join(map(repr, choices))}" if any(choices) else worded(detail["msg"])
    return Problem(path, message, value=given)


def unknown_field(parts: Sequence[str], *owners: type[BaseModel]) -> Problem:
    """An unknown field with the nearest name among its neighbours, or else where in the spec that name lives."""
    path, name = dotted(parts), parts[-1]
    if name in field_paths():
        return Problem(path, "unknown field", f"write {name} without quotes")
    if problem := _of_other_implementation(parts, owners[0]):
        return problem
    if path in field_paths():
        return Problem(path, "unknown field", f"it is one of {' and '.join(_tags_with(*parts[:2]))}")
    wanted = ALIASES.get(name, name)
    neighbours = [field for owner in owners for field in owner.model_fields]
    elsewhere = [known for known in field_paths() if known.rpartition(".")[2] == wanted]
    if elsewhere and wanted not in neighbours:
        return Problem(path, "unknown field", f"did you mean {' or '.join(elsewhere)}?")
    return Problem(path, "unknown field", did_you_mean(wanted, neighbours))


def _of_other_implementation(parts: Sequence[str], owner: type[BaseModel]) -> Problem | None:
    """The problem of a field that another implementation of the same architecture has."""
    for kind in implementations(owner):
        if parts[-1] in kind.model_fields:
            ((tag, other),) = tags_of(kind).items() - tags_of(owner).items()
            fault = f"is not a field of {parts[0]}.{tag} = {tags_of(owner)[tag]}"
            return Problem(dotted(parts), fault, f"remove it, or set {parts[0]}.{tag}={other}")
    return None


def dotted(parts: Sequence[str]) -> str:
    """A path as TOML writes it: a part that is no bare key is quoted; an overlong one is cut."""
    return ".".join(part if BARE_KEY.match(part) else json.dumps(part, ensure_ascii=False) for part in map(_cut, parts))


def _member_hint(tag: str, allowed: Sequence[str]) -> str:
    """The nearest members of a union; where there is none a model may be one of timm's, which is too slow to ask."""
    family, slash, architecture = tag.partition("/")
    if slash and family == "timm":
        return f'name = "timm" and architecture = "{_cut(architecture)}"'
    hint = did_you_mean(tag, allowed)
    is_near = hint.startswith("did you mean")
    return hint if is_near or "timm" not in allowed else f"{hint}; or timm/{_cut(tag)}, if timm has it"


def _located(kinds: list[type[BaseModel]], location: Sequence[int | str]) -> tuple[list[str], list[type[BaseModel]]]:
    """An error's location without the tags of unions, and the sections that can stand there."""
    parts: list[str] = []
    owners, at_union, depth = kinds, len(kinds) > 1, 0
    items: list[type[BaseModel]] = []
    for part in location:
        if at_union:
            owners = [owner for owner in owners if part in [*tags_of(owner).values()][depth : depth + 1]]
            depth, at_union = depth + 1, len(owners) > 1
            continue
        if isinstance(part, int):
            owners, at_union, depth = items, True, 0
        else:
            items = [item for owner in owners for item in _items(owner, part)]
            owners = [inner for owner in owners for inner in _inner(owner, part)] or owners
        parts.append(str(part))
    return parts, owners


def _inner(owner: type[BaseModel], field: str) -> list[type[BaseModel]]:
    """The section that a field is."""
    return members(owner.model_fields[field].annotation) if field in owner.model_fields else []


def _items(owner: type[BaseModel], field: str) -> list[type[BaseModel]]:
    """The sections that a field which is a list can hold."""
    annotation = owner.model_fields[field].annotation if field in owner.model_fields else None
    return [member for argument in getattr(annotation, "__args__", ()) for member in members(argument)]


def _listed(owners: Sequence[type[BaseModel]], field: Sequence[str]) -> list[str]:
    """The names of the sections that a field which is a list can hold."""
    return [name for owner in owners for part in field for item in _items(owner, part) if (name := tag_of(item))]


def _example(owners: Sequence[type[BaseModel]], name: str) -> str:
    """A value that a field can have: an example of its own, or its default."""
    fields = [owner.model_fields[name] for owner in owners if name in owner.model_fields]
    values = [value for field in fields for value in (*(field.examples or ()), field.default)]
    known = [value for value in values if value not in (None, (), PydanticUndefined)]
    return f"such as {toml_value(known[0])}" if known else ""


def worded(message: str) -> str:
    """pydantic's message in the words of TOML."""
    message = re.sub(r"^(Input|Tuple|List|String|Dictionary) should", "must", message)
    return (
        message.replace(" after validation", "")
        .replace("an object", "a table")
        .replace("a valid array", "a list in brackets")
    )


def _tags_with(section: str, field: str) -> list[str]:
    """The members of a section's union that have a field."""
    kinds = members(RunSpec.model_fields[section].annotation)
    return [name for kind in kinds if field in kind.model_fields and (name := tag_of(kind))]


def shown_input(value: Any) -> str:
    """What was given, as a problem quotes it."""
    text = repr(value).lower() if value is None or isinstance(value, bool) else repr(value)
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
