"""The base of every part of a spec, the limits that they share, and what a part says about its fields."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

PositiveInt = Annotated[int, Field(ge=1, le=2**31 - 1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(gt=0, le=16)]
Name = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,100}$")]


class Section(BaseModel):
    """Frozen, unknown keys forbidden, numbers finite, types strict (no "16" for 16).

    `citation` is the key of its paper in references.bib. `hashed_also` are fields that a section had when the first
    records were made: they stay in its hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    citation: ClassVar[str] = ""
    hashed_also: ClassVar[Mapping[str, Any]] = {}


def added_later(**constraints: Any) -> Any:
    """A field that did not exist when the first records were made: at its default it is left out of the hash."""
    return Field(json_schema_extra={"added_later": True}, **constraints)


def derived() -> Any:
    """A field that a file may leave out, because it follows from the data set."""
    return Field(json_schema_extra={"derived": True})


def is_later(field: FieldInfo) -> bool:
    """Whether a field was declared with `added_later`."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("added_later"))


@cache
def later_defaults(section: type[BaseModel]) -> dict[str, Any]:
    """The fields that a section did not have at first, with the values at which they change nothing."""
    fields = section.model_fields.items()
    return {name: field.get_default() for name, field in fields if is_later(field) and not field.is_required()}


def members(annotation: Any) -> list[type[Section]]:
    """The sections that an annotation allows: itself or the members of a union; none for plain values and lists."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Section) else []
    if get_origin(annotation) is tuple:
        return []
    return [member for argument in get_args(annotation) for member in members(argument)]


@cache
def tags_of(kind: type[BaseModel]) -> dict[str, str]:
    """The fields with one possible value, which tell a section from the other members of its union."""
    literals = {name: get_args(field.annotation) for name, field in kind.model_fields.items() if _is_literal(field)}
    return {name: values[0] for name, values in literals.items() if len(values) == 1}


def tag_of(kind: type[BaseModel]) -> str | None:
    """The `name` that tells a section from the other members of its union."""
    return tags_of(kind).get("name")


def _is_literal(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Literal
