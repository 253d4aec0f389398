"""What the specs of all architectures have in common."""

from collections.abc import Mapping
from typing import Any

from vitreport.errors import Problem
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Section


class ArchitectureSpec(Section):
    """What every architecture's spec can say about itself and a data set.

    A field that follows from the data set (`dim`, `queries_dim`) is filled in by `derived` where the user
    leaves it out, and compared by `problems` where he gives it.
    """

    name: str

    @property
    def label(self) -> str:
        """What runs and presets are called after."""
        return self.name

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
