"""The base of every part of a spec, the limits that parts share, and what a part says about its fields."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from vitreport.errors import Problem

PositiveInt = Annotated[int, Field(ge=1, le=2**31 - 1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(gt=0, le=16)]
Name = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,100}$")]
ADDED_LATER: dict[str, Any] = {"added_later": True}


class BaseSpec(BaseModel):
    """A frozen part of a spec: unknown keys are forbidden, numbers are finite, types are strict (no "16" for 16).

    Attributes:
        citation: The key of its paper in references.bib.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    citation: ClassVar[str] = ""

    @classmethod
    def fields_with(cls, given: Mapping[str, Any]) -> set[str]:
        """Return the fields that a section with these values has."""
        return set(cls.model_fields)

    def inner_problems(self) -> Iterable[Problem]:
        """Return what does not fit together within the section."""
        return ()


def added_later(**constraints: Any) -> Any:
    """Declare a field that the first records did not have: at its default it is left out of the hash."""
    return Field(json_schema_extra=ADDED_LATER, **constraints)


def from_dataset() -> Any:
    """Declare a field that a file may leave out, because it follows from the dataset."""
    return Field(json_schema_extra={"derived": True})


@cache
def later_defaults(section: type[BaseModel]) -> dict[str, Any]:
    """Return the fields that a section did not have at first, with the values at which they change nothing."""
    later = {name: field for name, field in section.model_fields.items() if field.json_schema_extra == ADDED_LATER}
    return {name: field.get_default() for name, field in later.items() if not field.is_required()}


def members(annotation: Any) -> list[type[BaseSpec]]:
    """Return the sections that a type allows: itself or the members of a union; none for plain values and lists."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseSpec) else []
    is_union = get_origin(annotation) in (Annotated, Union, UnionType)
    return [member for argument in get_args(annotation) if is_union for member in members(argument)]


@cache
def tag_of(kind: type[BaseModel]) -> str | None:
    """Return the `name` that distinguishes a section in its union."""
    name = kind.model_fields.get("name")
    return get_args(name.annotation)[0] if name and get_origin(name.annotation) is Literal else None
