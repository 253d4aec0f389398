"""The spec of the data: which images, at which size, how they are split and augmented."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from vitreport.errors import Problem
from vitreport.spec.section import Fraction, Name, PositiveInt, Section

CHANNELS = 3  # every data set is served as RGB


@dataclass(frozen=True)
class DatasetFacts:
    """What a spec needs to know of a data set before a single image is read."""

    name: str
    num_classes: int
    image_size: int


class HorizontalFlipSpec(Section):
    """Mirror left and right."""

    name: Literal["horizontal_flip"] = "horizontal_flip"
    probability: Fraction = 0.5


class RandomCropSpec(Section):
    """Pad each side with `padding` black pixels, then cut out a window of the former size."""

    name: Literal["random_crop"] = "random_crop"
    padding: PositiveInt = 4


class ColorJitterSpec(Section):
    """Brightness, contrast, saturation and hue in random order, each strength as in torchvision's ColorJitter.

    A strength s of the first three draws a factor from [max(0, 1 - s), 1 + s]; hue draws a shift from [-s, s],
    where 1 is the whole circle.
    """

    name: Literal["color_jitter"] = "color_jitter"
    brightness: Annotated[float, Field(ge=0, le=10)] = 0.0
    contrast: Annotated[float, Field(ge=0, le=10)] = 0.0
    saturation: Annotated[float, Field(ge=0, le=10)] = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0


AugmentSpec = Annotated[HorizontalFlipSpec | RandomCropSpec | ColorJitterSpec, Field(discriminator="name")]


class DataSpec(Section):
    """`limit` keeps that many training images, the same share of each class; the test split is never cut."""

    dataset: Name = "cifar10"
    image_size: Annotated[int, Field(ge=8, le=1024)]
    num_classes: Annotated[int, Field(ge=2, le=100_000)]
    normalization: Literal["dataset", "none"] = "dataset"
    augment: tuple[AugmentSpec, ...] = ()
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    limit: PositiveInt | None = None

    def problems(self) -> list[Problem]:
        """What does not fit together in it."""
        return [
            Problem(
                f"data.augment.{index}.padding", f"{augment.padding} is larger than data.image_size = {self.image_size}"
            )
            for index, augment in enumerate(self.augment)
            if isinstance(augment, RandomCropSpec) and augment.padding > self.image_size
        ]
