"""pydantic's findings in the words of a user: the field, what was given, what is allowed, the nearest right name."""

import json
import re
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from vitreport.errors import Problem
from vitreport.formatting import did_you_mean, toml_value
from vitreport.spec.fields import ALIASES, field_paths, last_part
from vitreport.spec.model import implementations
from vitreport.spec.run import RunSpec
from vitreport.spec.section import Section, members, tag_of, tags_of

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
    problems = [translated(detail, section, field) for detail in details[:MOST_PROBLEMS]]
    return problems + and_more(len(details) - len(problems), section)


def and_more(count: int, place: str) -> list[Problem]:
    return [Problem(place, f"has {count} more problems")] if count > 0 else []


def translated(detail: ErrorDetails, section: str, field: FieldInfo) -> Problem:
    """One of pydantic's errors inside `section` as a problem with its dotted path."""
    parts, owners, kinds = _located(members(field.annotation), detail["loc"])
    parts = [section, *parts]
    fields = [owner.model_fields[parts[-1]] for owner in owners if parts[-1] in owner.model_fields]
    names = _names(kinds)
    path, message, hint, given = dotted(parts), worded(detail["msg"]), "", shown_input(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            return unknown_field(parts, *owners)
        case "union_tag_not_found":
            return Problem(f"{path}.name", "is missing", f"one of {', '.join(names)}")
        case "union_tag_invalid":
            tag = detail["ctx"]["tag"]
            fault, hint = MISPLACED.get(tag, ("unknown name", _member_hint(tag, names)))
            return Problem(f"{path}.name", fault, hint, shown_input(tag))
        case "missing":
            return Problem(path, "is missing", _example(fields))
        case "json_invalid":  # the JSON is vitreport's own, so that only a text in it can be at fault
            return Problem(path, "holds a text that is not Unicode")
        case "string_pattern_mismatch":
            message = "must be a name of 1 to 100 printable characters without slashes"
        case "literal_error":  # of two implementations pydantic names only one
            tags = [tags_of(kind).get(parts[-1]) for owner in owners for kind in implementations(owner)]
            message = f"must be {' or '.join(map(repr, tags))}" if any(tags) else message
        case "dict_type":
            hint = f'{{name="{detail["input"]}"}}' if detail["input"] in names else ""
        case "tuple_type":
            listed = _names(items_of(fields))
            name = detail["input"] if detail["input"] in listed else next(iter(listed), None)
            hint = f'such as [{{name="{name}"}}]' if name else _example(fields)
    return Problem(path, message, hint, given)


def unknown_field(parts: Sequence[str], *owners: type[Section]) -> Problem:
    """An unknown field with the nearest name among its neighbours, or else where in the spec that name lives."""
    path, name = dotted(parts), parts[-1]
    if name in field_paths():
        return Problem(path, "unknown field", f"write {name} without quotes")
    for kind in implementations(owners[0]):
        if name in kind.model_fields:
            ((tag, other),) = tags_of(kind).items() - tags_of(owners[0]).items()
            fault = f"is not a field of {parts[0]}.{tag} = {tags_of(owners[0])[tag]}"
            return Problem(path, fault, f"remove it, or set {parts[0]}.{tag}={other}")
    if path in field_paths():
        kinds = [kind for kind in members(RunSpec.model_fields[parts[0]].annotation) if name in kind.model_fields]
        return Problem(path, "unknown field", f"it is one of {' and '.join(_names(kinds))}")
    wanted = ALIASES.get(name, name)
    neighbours = [field for owner in owners for field in owner.model_fields]
    elsewhere = [known for known in field_paths() if last_part(known) == wanted]
    if elsewhere and wanted not in neighbours:
        return Problem(path, "unknown field", f"did you mean {' or '.join(elsewhere)}?")
    return Problem(path, "unknown field", did_you_mean(wanted, neighbours))


def dotted(parts: Sequence[str]) -> str:
    """A path as TOML writes it: a part that is no bare key is quoted; an overlong one is cut."""
    return ".".join(part if BARE_KEY.match(part) else json.dumps(part, ensure_ascii=False) for part in map(_cut, parts))


def _located(
    kinds: list[type[Section]], location: Sequence[int | str]
) -> tuple[list[str], list[type[Section]], list[type[Section]]]:
    """An error's location without the tags of unions, the sections with its last field, and those allowed there."""
    parts: list[str] = []
    owners, items, depth = kinds, kinds, 0
    for part in location:
        if len(kinds) > 1:  # the member of a union is named by its tags
            kinds = [kind for kind in kinds if [*tags_of(kind).values()][depth : depth + 1] == [part]]
            owners, depth = kinds, depth + 1
            continue
        depth = 0
        parts.append(str(part))
        if isinstance(part, int):
            kinds = items
        else:
            fields = [owner.model_fields[part] for owner in kinds if part in owner.model_fields]
            owners, items = kinds, items_of(fields)
            kinds = [member for field in fields for member in members(field.annotation)]
    return parts, owners, kinds


def items_of(fields: Sequence[FieldInfo]) -> list[type[Section]]:
    """The sections that fields which are lists can hold."""
    return [member for field in fields for item in get_args(field.annotation) for member in members(item)]


def _names(kinds: Sequence[type[Section]]) -> list[str]:
    return list(dict.fromkeys(name for kind in kinds if (name := tag_of(kind))))


def _member_hint(tag: str, allowed: Sequence[str]) -> str:
    """The nearest members of a union; where there is none a model may be one of timm's, which is too slow to ask."""
    family, slash, architecture = tag.partition("/")
    if slash and family == "timm":
        return f'name = "timm" and architecture = "{_cut(architecture)}"'
    hint = did_you_mean(tag, allowed)
    is_near = hint.startswith("did you mean")
    return hint if is_near or "timm" not in allowed else f"{hint}; or timm/{_cut(tag)}, if timm has it"


def _example(fields: Sequence[FieldInfo]) -> str:
    """A value that a field can have: an example of its own, or its default."""
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


def shown_input(value: Any) -> str:
    """What was given, as a problem quotes it."""
    return _cut(repr(value).lower() if value is None or isinstance(value, bool) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
