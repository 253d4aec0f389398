"""What all records share: the version of their format, and the types of their fields."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vitreport.privacy import without_paths

SCHEMA_VERSION = 2
"""Of every file of a run. `records.upgrade` reads the older ones; a newer one is refused."""
MAX_TEXT = 1000

Version = Annotated[int, Field(ge=1, le=SCHEMA_VERSION)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
PublicText = Annotated[Text, AfterValidator(without_paths)]
"""Text in which older records may name folders of a machine and its users."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Loss = Annotated[float, Field(ge=-1e39, le=1e39)]  # a network that diverges may come near the largest float32
Amount = Annotated[float, Field(ge=0, le=1e12)]  # of seconds, or of images a second


class Record(BaseModel):
    """A part of a file of a run, checked whenever it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    def stored(self) -> dict[str, Any]:
        """Return the values that a file holds; `model_dump` adds computed ones, such as accuracies."""
        return self.model_dump(mode="json", exclude_computed_fields=True)


def recordable(text: str) -> str:
    """Make a Text of any string: replace what is not Unicode, and cut a long one."""
    return text.encode(errors="replace").decode()[:MAX_TEXT]
