"""The base of every part of a spec, and the limits that they share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1, le=2**31 - 1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(gt=0, le=16)]
Name = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,100}$")]


class Section(BaseModel):
    """Frozen, unknown keys forbidden, numbers finite, types strict (no "16" for 16)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def added_later(**constraints: Any) -> Any:
    """A field that did not exist when the first records were made: at its default it is left out of the hash."""
    return Field(json_schema_extra={"added_later": True}, **constraints)
