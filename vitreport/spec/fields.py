"""The fields of a spec by their dotted paths, such as `train.batch_size`, and what is wrong with their values."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined

from vitreport.errors import Problem, SpecError
from vitreport.formatting import toml_value
from vitreport.spec.base import BaseSpec, members, tag_of
from vitreport.spec.run import RunSpec
from vitreport.suggestions import did_you_mean, nearest, one_of

ALIASES = {"lr": "learning_rate"}
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
SHOWN_CHARACTERS = 60
FREE_TABLE = "model.arguments"  # has keys that only timm knows
Place = tuple[str, ...]
MIXING = {"mixup": "set data.mix.mixup_alpha", "cutmix": "set data.mix.cutmix_alpha"}  # no operations on one image
Kind = TypeVar("Kind", bound=BaseSpec)


@cache
def field_paths() -> tuple[str, ...]:
    """Return every field that can be set, as a dotted path; members of a union share their paths."""
    return tuple(dict.fromkeys(_paths(RunSpec)))


def find_field(name: str) -> str:
    """Return the full path of a field, given by its path or by a last part that is unique. Raises SpecError if not.

    An entry of a table with free keys is a field too (`model.arguments.drop_rate`). The name of a section means its
    `name`: `optimizer` is `optimizer.name`.
    """
    *parents, last = name.replace('"', "").split(".")  # TOML keys can have quotes
    if ".".join(parents) in (FREE_TABLE, FREE_TABLE.split(".")[-1]) and last.isidentifier():
        return f"{FREE_TABLE}.{last}"
    wanted = ".".join([*parents, ALIASES.get(last, last)])
    exact = [path for path in field_paths() if path in (wanted, f"{wanted}.name")]
    matches = exact or [path for path in field_paths() if path.endswith(f".{wanted}")]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise SpecError(problems=[Problem(name, "the name is not unique", one_of(matches))])
    known = list(dict.fromkeys(path if parents else path.split(".")[-1] for path in field_paths()))
    near = [f"{each}{_owners(each)}" for each in nearest(wanted, known)]
    hint = f"did you mean {' or '.join(near)}?" if near else "`vitreport spec show MODEL` shows every field"
    raise SpecError(problems=[Problem(name, "unknown field", hint)])


def _owners(field: str) -> str:
    """Name the architectures that have a field of the model, unless all have it."""
    kinds, last = members(RunSpec.model_fields["model"].annotation), field.split(".")[-1]
    tags = [f"{tag_of(kind)}" for kind in kinds if last in kind.model_fields]
    is_of_some = len(tags) < len(kinds) and field in (last, f"model.{last}") and f"model.{last}" in field_paths()
    return f" ({', '.join(tags)})" if is_of_some else ""


def fields_of(path: str, value: Any) -> dict[str, Any]:
    """Return the fields that a value sets: `timm/resnet18`, as a model's name, sets two."""
    if path == "model.name" and isinstance(value, str) and value.startswith("timm/"):
        return {path: "timm", "model.architecture": value.removeprefix("timm/")}
    return {path: value}


def dotted_path(parts: Sequence[str]) -> str:
    """Write a path as TOML does: a part that is no bare key is quoted; an overlong one is cut."""
    return ".".join(
        part if BARE_KEY.match(part) else json.dumps(part, ensure_ascii=False) for part in map(truncate, parts)
    )


def truncate(text: str) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values by their dotted paths; lists stay whole."""
    return {dotted_path(path): value for path, value in iter_leaves(values)}


def iter_leaves(values: Mapping[str, Any], prefix: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield the values in a table and in its tables, with their paths; an empty table is a value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from iter_leaves(value, (*prefix, str(name)))
        else:
            yield (*prefix, str(name)), value


def set_nested(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set one value in nested tables. It replaces a table and the other way round; an empty table adds nothing."""
    *parents, last = path
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    if value != {} or not isinstance(values.get(last), dict):
        values[last] = {} if value == {} else value  # the tables of a layer stay as they are


def _paths(section: type[BaseSpec], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = members(field.annotation)
        yield from (path for member in inner for path in _paths(member, f"{prefix}{name}."))
        yield from [] if inner else [f"{prefix}{name}"]


def validate(kind: type[Kind], values: Mapping[str, Any], sound: dict[str, Any] | None = None) -> Kind:
    """Check values as JSON: pydantic is strict about its types, but takes its lists for tuples.

    Raises SpecError with every problem. `sound` receives the sections of a run's spec that have none.
    """
    try:
        content = json.dumps(values, default=str, ensure_ascii=False).encode()
        return kind.model_validate_json(content, strict=True, context=sound)
    except ValidationError as error:
        raise SpecError(problems=[_in_words(detail, kind) for detail in error.errors(include_url=False)]) from error
    except ValueError as error:  # of json.dumps, and of encode
        fault = "contains a whole number of more than 4300 digits, or a text that is not Unicode"
        raise SpecError(problems=[Problem("the file", fault)]) from error


def _in_words(detail: ErrorDetails, root: type[BaseSpec]) -> Problem:
    """Return one of pydantic's errors as a problem with its dotted path."""
    parts, owner, types = _located(root, detail["loc"])
    field = owner.model_fields.get(parts[-1])
    kinds = [kind for each in types for item in (each, *get_args(each)) for kind in members(item)]
    names = [name for name in dict.fromkeys(map(tag_of, kinds)) if name]
    path, given, message, hint = dotted_path(parts), detail["input"], _message(detail["msg"]), ""
    if field and detail["type"] in ("missing", "tuple_type"):
        example = field.examples[0] if field.examples else field.default
        hint = "" if example in (None, (), PydanticUndefined) else f"such as {toml_value(example)}"
    match detail["type"]:
        case "extra_forbidden":
            return Problem(path, "unknown field", _field_hint(parts, owner, root))
        case "missing":
            return Problem(path, "is missing", hint)
        case "union_tag_not_found":
            return Problem(f"{path}.name", "is missing", one_of(names))
        case "union_tag_invalid":
            path, given = f"{path}.name", detail["ctx"]["tag"]
            message, hint = "unknown name", MIXING.get(given) or did_you_mean(given, names)
            if "timm" in names and not hint.startswith("did you mean"):  # timm is too slow to ask
                hint += f", or timm/{truncate(given)} if timm has it"
        case "string_pattern_mismatch":
            message = "must be a name of 1 to 100 printable characters without slashes"
        case "dict_type" | "tuple_type" if names:
            entry = f'{{name="{given if given in names else names[0]}"}}'
            hint = f"such as {entry}" if detail["type"] == "dict_type" else f"such as [{entry}]"
    shown = repr(given).lower() if given is None or isinstance(given, bool) else repr(given)
    return Problem(path, message, hint, truncate(shown))


def _located(root: type[BaseSpec], location: Sequence[int | str]) -> tuple[list[str], type[BaseSpec], list[Any]]:
    """Return an error's location without the tags of unions, the section that has its last part, and its types."""
    parts, owner, types = list[str](), root, list[Any]([root])
    for part in location:
        kinds = [kind for each in types for kind in members(each)]
        if len(kinds) > 1:  # the member of a union is named by its tag
            types = [kind for kind in kinds if tag_of(kind) == part]
            continue
        parts.append(str(part))
        if kinds:
            owner = kinds[0]
            types = [field.annotation for name, field in owner.model_fields.items() if name == part]
        else:
            types = [item for each in types for item in get_args(each)]
    return parts, owner, types


def _field_hint(parts: Sequence[str], owner: type[BaseSpec], root: type[BaseSpec]) -> str:
    """Find what an unknown field may mean: one that another member of the union has, a near or a distant one."""
    path, name, known = dotted_path(parts), ALIASES.get(parts[-1], parts[-1]), field_paths() if root is RunSpec else ()
    if path in known:
        kinds = [kind for kind in members(RunSpec.model_fields[parts[0]].annotation) if name in kind.model_fields]
        return f"it needs {' or '.join(f'{parts[0]}.name={tag_of(kind)}' for kind in kinds)}"
    elsewhere = [each for each in known if each.split(".")[-1] == name]
    if elsewhere and name not in owner.model_fields:
        return f"did you mean {' or '.join(elsewhere)}?"
    if "set" in owner.model_fields and any(each.split(".")[-1] == name for each in field_paths()):
        return f"write it as set = {{ {parts[-1]} = ... }}"
    return did_you_mean(name, owner.model_fields)


def _message(message: str) -> str:
    """Write pydantic's message in the terms of TOML."""
    message = re.sub(r"^(Input|Tuple|List|String|Dictionary) should", "must", message)
    message = message.replace(" after validation", "").replace("an object", "a table")
    return message.replace("a valid array", "a list in brackets")
