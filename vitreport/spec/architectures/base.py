"""What the specs of all architectures have in common."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Section, added_later

WEIGHTS_FILE = r"sha256:[0-9a-f]{64}"


def file_or_nothing(value: Any) -> Any:
    """A digest of a weights file, or false."""
    if value is False or (isinstance(value, str) and re.fullmatch(WEIGHTS_FILE, value)):
        return value
    hub = " (true is for architectures of timm alone)" if value is True else ""
    fault = f'must be false or "sha256:" with 64 hexadecimal digits, as `--weights FILE` writes it{hub}'
    raise PydanticCustomError("pretrained", fault)


def pretrained_schema(*switches: bool) -> WithJsonSchema:
    """The JSON Schema of `pretrained`: one of these switches, or a digest."""
    return WithJsonSchema({"anyOf": [{"enum": list(switches)}, {"type": "string", "pattern": f"^{WEIGHTS_FILE}$"}]})


FileOrNothing = Annotated[bool | str, BeforeValidator(file_or_nothing), pretrained_schema(False)]


class ArchitectureSpec(Section):
    """What every architecture's spec can say about itself and a data set.

    `title` is what reports call it. `description` is what users read of it, true for all values of its fields: a line,
    then what its fields need.
    A field that follows from the data set (`dim`, `queries_dim`) is filled in by `derived` where the user
    leaves it out, and compared by `problems` where he gives it. `pretrained` says which weights the training
    starts from: false, fresh ones; a "sha256:..." the file that has this digest, wherever it lies.
    """

    model_config = ConfigDict(json_schema_extra=lambda schema, kind: schema.update(description=kind.description))
    title: ClassVar[str]
    description: ClassVar[str]

    name: str
    pretrained: FileOrNothing = added_later(default=False)

    @property
    def label(self) -> str:
        """What runs are called after."""
        return self.whole_label

    @property
    def whole_label(self) -> str:
        """What presets are called after, however long it is."""
        return self.name

    def fields(self, *without: str) -> dict[str, Any]:
        """What the network itself is built from."""
        return self.model_dump(exclude={*ArchitectureSpec.model_fields, *without})

    @classmethod
    def derived(cls, given: Mapping[str, Any], image_size: int, num_classes: int) -> dict[str, int]:
        """The fields that follow from the data set and from the other fields, which are not checked yet."""
        return {}

    def problems(self, data: DataSpec) -> list[Problem]:
        """What does not fit the data set."""
        return []


def patch_problems(patch_size: int, image_size: int) -> list[Problem]:
    """What is wrong with a grid of square patches on a square image."""
    if patch_size > image_size:
        fault = f"{patch_size} is larger than data.image_size = {image_size}"
    elif image_size % patch_size:
        fault = f"{patch_size} does not divide data.image_size = {image_size}"
    else:
        return []
    return [Problem("model.patch_size", fault, f"one of {', '.join(map(str, divisors(image_size)))}")]


def divisors(number: int) -> list[int]:
    return [candidate for candidate in range(1, number + 1) if number % candidate == 0]
