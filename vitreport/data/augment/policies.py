"""RandAugment and TrivialAugment: operations from one table, of one magnitude or of a random one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vitreport.data.augment.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    equalize,
    posterize,
    solarize,
)
from vitreport.data.augment.geometry import affine, inverse_affine
from vitreport.data.augment.random_numbers import RandomNumbers
from vitreport.data.augment.sampling import InTurn, SampledTransform, unchanged
from vitreport.spec.augment import RandAugmentSpec, TrivialAugmentSpec

NAMES = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
"""The operations as torchvision names them; each is equally likely."""

FIRST_AFTER_AFFINE = NAMES.index("Brightness")


@dataclass(frozen=True)
class Space:
    """What the largest magnitude means: tangent of the shear, pixels, degrees, change of a factor, bits taken away."""

    shear: float
    translate_x: float
    translate_y: float
    rotate: float
    factor: float
    posterize: float


TRIVIAL_AUGMENT_SPACE = Space(0.99, 32.0, 32.0, 135.0, 0.99, 6)


def rand_augment_space(shape: Sequence[int]) -> Space:
    height, width = shape[-2:]
    return Space(0.3, 150 / 331 * width, 150 / 331 * height, 30.0, 0.9, 4)


def draw_rand_augment(spec: RandAugmentSpec, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    bins = torch.full((shape[0] * spec.num_ops,), spec.magnitude)
    return _draw(rand_augment_space(shape), bins, spec.num_ops, spec, shape, numbers)


def draw_trivial_augment(spec: TrivialAugmentSpec, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    bins = numbers.integers(0, spec.num_magnitude_bins, 1).squeeze(1)
    return _draw(TRIVIAL_AUGMENT_SPACE, bins, 1, spec, shape, numbers)


def _draw(
    space: Space,
    bins: Tensor,
    turns: int,
    spec: RandAugmentSpec | TrivialAugmentSpec,
    shape: Sequence[int],
    numbers: RandomNumbers,
) -> SampledTransform:
    """An operation for each image and turn, with the magnitude of its bin (B * turns,) and a random sign."""
    own = numbers.repeated(turns)
    kinds = own.integers(0, len(NAMES), 1).squeeze(1)
    signs = own.integers(0, 2, 1).squeeze(1) * 2 - 1
    drawn = operations(space, kinds, bins, signs, spec, shape)
    choices, rows = positions(kinds).view(-1, turns), torch.arange(len(bins)).view(-1, turns)
    return SampledTransform(InTurn(drawn), (choices, rows))


def positions(kinds: Tensor) -> Tensor:
    """Where in the list of `operations` the operation of that number in NAMES stands."""
    return (kinds - FIRST_AFTER_AFFINE + 2).clamp(min=1).where(kinds > 0, 0)


def operations(
    space: Space,
    kinds: Tensor,
    bins: Tensor,
    signs: Tensor,
    spec: RandAugmentSpec | TrivialAugmentSpec,
    shape: Sequence[int],
) -> list[SampledTransform]:
    """The identity, one affine map for all that moves pixels, and the others in the order of NAMES."""
    last = spec.num_magnitude_bins - 1
    factors = 1 + signs * torch.linspace(0, space.factor, last + 1)[bins]
    bits = (8 - bins / (last / space.posterize)).round()
    matrices = _matrices(space, kinds, bins, signs, last, shape)
    return [
        SampledTransform(unchanged),
        SampledTransform(partial(affine, interpolation=spec.interpolation), (matrices,)),
        SampledTransform(adjust_brightness, (factors,)),
        SampledTransform(adjust_saturation, (factors,)),
        SampledTransform(adjust_contrast, (factors,)),
        SampledTransform(adjust_sharpness, (factors,)),
        SampledTransform(posterize, (bits,)),
        SampledTransform(solarize, (torch.linspace(1, 0, last + 1)[bins],)),
        SampledTransform(autocontrast),
        SampledTransform(equalize),
    ]


def _matrices(space: Space, kinds: Tensor, bins: Tensor, signs: Tensor, last: int, shape: Sequence[int]) -> Tensor:
    """Inverse affine maps (N, 2, 3); a shear is about the corner at the top left."""
    largest = (space.shear, space.shear, space.translate_x, space.translate_y, space.rotate)
    magnitudes = [
        (signs * torch.linspace(0, high, last + 1)[bins]).double() * (kinds == NAMES.index(name))
        for name, high in zip(NAMES[1:FIRST_AFTER_AFFINE], largest, strict=True)
    ]
    shears = torch.stack(magnitudes[:2], dim=1).atan().rad2deg()
    translations = torch.stack(magnitudes[2:4], dim=1).trunc()
    corners = -torch.tensor([shape[-1], shape[-2]]) / 2 * (shears != 0).any(1, keepdim=True)
    return inverse_affine(-magnitudes[4], translations, torch.ones(len(bins)), shears, corners)
