"""The specs of augmentation, in the terms of torchvision.transforms. What lies outside an image is black."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem
from vitreport.spec.base import BaseSpec, Fraction, PositiveInt

MAX_OPERATIONS = 16
Number = TypeVar("Number", bound=float)


def _ascending(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise PydanticCustomError("reversed_range", "must be [lowest, highest]")
    return limits


Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]
Degrees = Annotated[float, Field(ge=-360, le=360)]
ShearDegrees = Annotated[float, Field(ge=-85, le=85)]
AreaShare = Annotated[float, Field(gt=0, le=1)]
Factor = Annotated[float, Field(ge=0.01, le=100)]
Strength = Annotated[float, Field(ge=0, le=10)]
Alpha = Annotated[float, Field(ge=0, le=100)]
Bins = Annotated[int, Field(ge=2, le=1000)]
Interpolation = Literal["nearest", "bilinear"]


class HorizontalFlipSpec(BaseSpec):
    """Mirror left and right."""

    name: Literal["horizontal_flip"] = "horizontal_flip"
    probability: Fraction = 0.5


class VerticalFlipSpec(BaseSpec):
    """Mirror top and bottom."""

    name: Literal["vertical_flip"] = "vertical_flip"
    probability: Fraction = 0.5


class RandomCropSpec(BaseSpec):
    """Pad each side with `padding` black pixels, then crop to the original size at a random place."""

    name: Literal["random_crop"] = "random_crop"
    padding: PositiveInt = 4


class RandomResizedCropSpec(BaseSpec):
    """Crop a random area (`scale`) and aspect ratio (`ratio`: width / height), then resize back (bilinear)."""

    name: Literal["random_resized_crop"] = "random_resized_crop"
    scale: Range[AreaShare] = (0.08, 1.0)
    ratio: Range[Factor] = (3 / 4, 4 / 3)


class RandomRotationSpec(BaseSpec):
    """Rotate about the center by an angle from `degrees`, counter-clockwise."""

    name: Literal["random_rotation"] = "random_rotation"
    degrees: Range[Degrees] = (-15.0, 15.0)
    interpolation: Interpolation = "nearest"


class RandomAffineSpec(BaseSpec):
    """Rotate clockwise, shear along x, scale and translate, about the center.

    `translate` is the largest shift, as a fraction of the width and of the height; shifts are whole pixels.
    """

    name: Literal["random_affine"] = "random_affine"
    degrees: Range[Degrees] = (-15.0, 15.0)
    translate: tuple[Fraction, Fraction] = (0.0, 0.0)
    scale: Range[Factor] = (1.0, 1.0)
    shear: Range[ShearDegrees] = (0.0, 0.0)
    interpolation: Interpolation = "nearest"


class ColorJitterSpec(BaseSpec):
    """Change brightness, contrast, saturation and hue in random order, with strengths as in torchvision.

    For the first three, a strength s draws a factor from [max(0, 1 - s), 1 + s]. For hue, it draws a shift from
    [-s, s], where 1 is the whole circle.
    """

    name: Literal["color_jitter"] = "color_jitter"
    brightness: Strength = 0.0
    contrast: Strength = 0.0
    saturation: Strength = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0


class SharpnessSpec(BaseSpec):
    """Blend with a smoothed image: a factor of 0 gives the smoothed image, 1 the original, 2 doubles the sharpness."""

    name: Literal["sharpness"] = "sharpness"
    factor: Strength = 2.0
    probability: Fraction = 0.5


class AutocontrastSpec(BaseSpec):
    """Stretch each channel to the whole range."""

    name: Literal["autocontrast"] = "autocontrast"
    probability: Fraction = 0.5


class EqualizeSpec(BaseSpec):
    """Give each channel a uniform histogram."""

    name: Literal["equalize"] = "equalize"
    probability: Fraction = 0.5


class RandomErasingSpec(BaseSpec):
    """Random erasing (Zhong et al. 2020, arXiv:1708.04896), before normalization.

    Replace a rectangle of random area (`scale`) and aspect ratio (`ratio`: height / width) with black or uniform noise.
    """

    name: Literal["random_erasing"] = "random_erasing"
    probability: Fraction = 0.5
    scale: Range[AreaShare] = (0.02, 0.33)
    ratio: Range[Factor] = (0.3, 3.3)
    value: Literal["black", "noise"] = "black"


class RandAugmentSpec(BaseSpec):
    """RandAugment (Cubuk et al. 2020, arXiv:1909.13719) with the operations and magnitudes of torchvision."""

    name: Literal["rand_augment"] = "rand_augment"
    num_ops: Annotated[int, Field(ge=1, le=MAX_OPERATIONS)] = 2
    magnitude: Annotated[int, Field(ge=0)] = 9
    num_magnitude_bins: Bins = 31
    interpolation: Interpolation = "nearest"


class TrivialAugmentSpec(BaseSpec):
    """TrivialAugment Wide (Müller and Hutter 2021, arXiv:2103.10158): one operation of a random magnitude."""

    name: Literal["trivial_augment"] = "trivial_augment"
    num_magnitude_bins: Bins = 31
    interpolation: Interpolation = "nearest"


OperationSpec = Annotated[
    HorizontalFlipSpec
    | VerticalFlipSpec
    | RandomCropSpec
    | RandomResizedCropSpec
    | RandomRotationSpec
    | RandomAffineSpec
    | ColorJitterSpec
    | SharpnessSpec
    | AutocontrastSpec
    | EqualizeSpec
    | RandomErasingSpec
    | RandAugmentSpec
    | TrivialAugmentSpec,
    Field(discriminator="name"),
]


class MixtureSpec(BaseSpec):
    """Apply `minimum` to `maximum` operations to each image, each drawn uniformly from the list, with replacement.

    An operation may be drawn more than once; each use has new random parameters.
    """

    name: Literal["mixture"] = "mixture"
    minimum: Annotated[int, Field(ge=0, le=MAX_OPERATIONS)] = 1
    maximum: Annotated[int, Field(ge=1, le=MAX_OPERATIONS)] = 4
    operations: tuple[OperationSpec, ...]


class MixSpec(BaseSpec):
    """Mixup (Zhang et al. 2018, arXiv:1710.09412) and CutMix (Yun et al. 2019, arXiv:1905.04899).

    Draw a mixing ratio from Beta(alpha, alpha). Mixup blends the pixels of an image and of its partner in the batch by
    this ratio; CutMix replaces that share of the pixels with those of the partner. Labels are mixed in the same ratio
    as the pixels. An alpha of 0 disables a method; if both are on, CutMix is chosen with `switch_probability`.
    """

    mixup_alpha: Alpha = 0.0
    cutmix_alpha: Alpha = 0.0
    probability: Fraction = 1.0
    switch_probability: Fraction = 0.5


AugmentSpec = Annotated[OperationSpec | MixtureSpec, Field(discriminator="name")]


def augment_problems(entries: Sequence[AugmentSpec], path: str, image_size: int) -> Iterator[Problem]:
    """Yield what does not fit together in the list at `path`, for images of `image_size` pixels a side."""
    for index, entry in enumerate(entries):
        at = f"{path}.{index}"
        match entry:
            case RandomCropSpec() if entry.padding > image_size:
                yield Problem(f"{at}.padding", f"{entry.padding} is larger than data.image_size = {image_size}")
            case RandAugmentSpec() if entry.magnitude >= entry.num_magnitude_bins:
                fault = f"must be less than {at}.num_magnitude_bins = {entry.num_magnitude_bins}"
                yield Problem(f"{at}.magnitude", fault, value=str(entry.magnitude))
            case MixtureSpec(operations=()):
                yield Problem(f"{at}.operations", "must contain at least one operation")
            case MixtureSpec():
                yield from augment_problems(entry.operations, f"{at}.operations", image_size)
                if entry.minimum > entry.maximum:
                    yield Problem(f"{at}.minimum", f"{entry.minimum} is larger than {at}.maximum = {entry.maximum}")
