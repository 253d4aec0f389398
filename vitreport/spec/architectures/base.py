"""What the specs of all architectures have in common."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem
from vitreport.spec.base import BaseSpec, added_later
from vitreport.spec.data import MAX_SIDE, DataSpec
from vitreport.suggestions import one_of

ID_CHARACTERS = 33  # in a run's id, which is the name of a folder
WEIGHTS_FILE = r"sha256:[0-9a-f]{64}"


class ArchitectureSpec(BaseSpec):
    """The spec of an architecture. Users read the docstring of each: a line, then what its fields need.

    Attributes:
        title: What reports call it.
        has_hub: Whether `pretrained = true` loads weights from a hub.
        pretrained: The weights to start from: false for fresh ones, "sha256:..." for the file with this digest.
    """

    title: ClassVar[str]
    has_hub: ClassVar[bool] = False

    name: str
    pretrained: Literal[False] | str = added_later(default=False)

    @field_validator("pretrained", mode="before")
    @classmethod
    def _check_pretrained(cls, value: Any) -> Any:
        if value is False or (value is True and cls.has_hub) or re.fullmatch(WEIGHTS_FILE, str(value)):
            return value
        hub = " (true works only for timm architectures)" if value is True else ""
        fault = f'must be false or "sha256:" with 64 hexadecimal digits, as `--weights FILE` writes it{hub}'
        raise PydanticCustomError("pretrained", fault)

    @property
    def id_label(self) -> str:
        """The model part of run ids, in which two long names can be cut alike."""
        return self.whole_label[:ID_CHARACTERS]

    @property
    def whole_label(self) -> str:
        """The name of the architecture, however long it is: the model part of preset names."""
        return self.name

    def fields(self, *without: str) -> dict[str, Any]:
        """Return what the network itself is built from."""
        return self.model_dump(exclude={*ArchitectureSpec.model_fields, *without})

    @classmethod
    def derive_fields(cls, given: Mapping[str, Any], image_size: int, num_classes: int) -> dict[str, int]:
        """Return the fields that follow from the dataset and from the other fields, which are not checked yet."""
        return {}

    def problems(self, data: DataSpec) -> Iterator[Problem]:
        """Yield what does not fit the dataset, such as a `patch_size`, or does not fit together."""
        if patch_size := getattr(self, "patch_size", None):
            whole = f"data.image_size = {data.image_size}"
            yield from divisor_problems("patch_size", patch_size, data.image_size, whole)
        for field, value in self.derive_fields(dict(self), data.image_size, data.num_classes).items():
            if (given := getattr(self, field)) != value:
                yield Problem(f"model.{field}", f"must be {value} for this dataset", "leave it out", str(given))


def divisor_problems(field: str, number: int, whole: int, name: str) -> Iterator[Problem]:
    """Yield a problem, with the numbers that fit, if a field does not divide a whole of this name."""
    if whole % number:
        divisors = [str(candidate) for candidate in range(1, min(whole, MAX_SIDE) + 1) if whole % candidate == 0]
        yield Problem(f"model.{field}", f"{number} does not divide {name}", one_of(divisors))
