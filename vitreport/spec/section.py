"""The base of every part of a spec, the limits that parts share, and what a part says about its fields."""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from vitreport.errors import Problem

PositiveInt = Annotated[int, Field(ge=1, le=2**31 - 1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(gt=0, le=16)]
Name = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,100}$")]


class Section(BaseModel):
    """A frozen part of a spec: unknown keys are forbidden, numbers are finite, types are strict (no "16" for 16).

    Attributes:
        citation: The key of its paper in references.bib.
        hashed_also: Fields that the section had when the first records were made: they stay in its hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    citation: ClassVar[str] = ""
    hashed_also: ClassVar[Mapping[str, Any]] = {}

    def inner_problems(self) -> list[Problem]:
        """Return what does not fit together within the section."""
        return []


def added_later(**constraints: Any) -> Any:
    """Declare a field that the first records did not have: at its default it is left out of the hash."""
    return Field(json_schema_extra={"added_later": True}, **constraints)


def derived() -> Any:
    """Declare a field that a file may leave out, because it follows from the dataset."""
    return Field(json_schema_extra={"derived": True})


def is_marked(field: FieldInfo, mark: Literal["added_later", "derived"]) -> bool:
    """Return whether a field was declared with `added_later` or `derived`."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get(mark))


@cache
def later_defaults(section: type[BaseModel]) -> dict[str, Any]:
    """Return the fields that a section did not have at first, with the values at which they change nothing."""
    later = {name: field for name, field in section.model_fields.items() if is_marked(field, "added_later")}
    return {name: field.get_default() for name, field in later.items() if not field.is_required()}


def members(annotation: Any) -> list[type[Section]]:
    """Return the sections that a type allows: itself or the members of a union; none for plain values and lists."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Section) else []
    is_union = get_origin(annotation) in (Annotated, Union, UnionType)
    return [member for argument in get_args(annotation) if is_union for member in members(argument)]


@cache
def tags_of(kind: type[BaseModel]) -> dict[str, str]:
    """Return the fields with one possible value, which distinguish a section in its union."""
    fields = {name: field.annotation for name, field in kind.model_fields.items()}
    choices = {name: get_args(annotation) for name, annotation in fields.items() if get_origin(annotation) is Literal}
    return {name: values[0] for name, values in choices.items() if len(values) == 1}


def tag_of(kind: type[BaseModel]) -> str | None:
    """Return the `name` that distinguishes a section in its union."""
    return tags_of(kind).get("name")
