"""The spec of the data: which images, at which size, how they are split and augmented."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from vitreport.errors import Problem
from vitreport.spec.augment import AugmentSpec, MixSpec, augment_problems
from vitreport.spec.base import BaseSpec, Name, PositiveInt, added_later, from_dataset

CHANNELS = 3  # every dataset is served as RGB
MIN_SIDE, MAX_SIDE = 8, 1024


@dataclass(frozen=True)
class DatasetFacts:
    """What a spec needs to know of a dataset before a single image is read."""

    name: str
    num_classes: int
    image_size: int
    has_validation: bool = False  # validation images in addition to training and test images
    data_dir: Path = field(default=Path(), compare=False)  # the folder that contains it


class DataSpec(BaseSpec):
    """The images of a run: which, at which size, how they are split, normalized and augmented.

    `limit` uses only that many training images, keeping the class proportions; the test split is not reduced.

    `normalization` subtracts a mean from the channels and divides by a deviation: those of the dataset's training
    images, those of ImageNet, or "inception", which maps [0, 1] to [-1, 1]; pretrained weights need their own.
    "cifar" is the mean of CIFAR-10 with a deviation from much published code. That deviation is too small: it is the
    mean of the deviations within single images.

    `validation` sets the images used to select the epoch: "fraction" holds out a part of the training images, "folder"
    uses the validation images that the dataset has.
    """

    dataset: Name = "cifar10"
    image_size: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)] = from_dataset()
    num_classes: Annotated[int, Field(ge=2, le=100_000)] = from_dataset()
    normalization: Literal["dataset", "imagenet", "inception", "cifar", "none"] = "dataset"
    augment: tuple[AugmentSpec, ...] = ()
    mix: MixSpec = added_later(default=MixSpec())
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    validation: Literal["fraction", "folder"] = added_later(default="fraction")
    limit: PositiveInt | None = None

    def inner_problems(self) -> Iterator[Problem]:
        """Yield what does not fit together in the augmentation and in the validation."""
        yield from augment_problems(self.augment, "data.augment", self.image_size)
        if self.validation == "folder" and self.validation_fraction:
            fault = "the dataset has validation images, so none are held out of the training images"
            hint = 'leave it out, or set data.validation to "fraction" to ignore the validation images'
            yield Problem("data.validation_fraction", fault, hint, str(self.validation_fraction))


def drop_former_fields(values: dict[str, Any]) -> None:
    """Remove a field of recorded specs that no longer exists, if it had its default."""
    data = values.get("data")
    if isinstance(data, dict) and data.get("intensity_range") == "full":
        del data["intensity_range"]
