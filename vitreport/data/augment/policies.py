"""RandAugment and TrivialAugment: operations from one table, of one magnitude or of a random one."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from vitreport.data.augment import color
from vitreport.data.augment.geometry import affine, inverse_affine
from vitreport.data.augment.sampling import InTurn, RandomNumbers, SampledTransform
from vitreport.spec.augment import RandAugmentSpec, TrivialAugmentSpec

MOVING = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
COLORING = ("Brightness", "Color", "Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize")
NAMES = ("Identity", *MOVING, *COLORING)
"""The operations as torchvision names them; each is equally likely."""

Policy = RandAugmentSpec | TrivialAugmentSpec


def draw_policy(spec: Policy, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    """Draw operations for each image: several of one magnitude, or one of a random magnitude; with random signs."""
    if isinstance(spec, RandAugmentSpec):
        turns, bins = spec.num_ops, torch.full((shape[0] * spec.num_ops,), spec.magnitude)
    else:
        turns, bins = 1, numbers.integers(0, spec.num_magnitude_bins, 1).squeeze(1)
    own = numbers.repeated(turns)
    kinds = own.integers(0, len(NAMES), 1).squeeze(1)
    signs = own.integers(0, 2, 1).squeeze(1) * 2 - 1
    drawn = InTurn(operations(spec, shape, kinds, bins, signs))
    return SampledTransform(drawn, (positions(kinds).view(-1, turns), torch.arange(len(bins)).view(-1, turns)))


def positions(kinds: Tensor) -> Tensor:
    """Return where in the list of `operations` the operation of that number in NAMES is."""
    return (kinds - len(MOVING) + 1).clamp(min=1).where(kinds > 0, 0)


def operations(
    spec: Policy, shape: Sequence[int], kinds: Tensor, bins: Tensor, signs: Tensor
) -> list[SampledTransform]:
    """Return the identity, one affine map for all of MOVING, and those of COLORING in their order.

    The largest magnitudes are tangents, pixels and degrees of MOVING, the change of a factor and the bits taken away.
    """
    height, width = shape[-2:]
    largest = [0.99, 0.99, 32.0, 32.0, 135.0, 0.99, 6]
    if isinstance(spec, RandAugmentSpec):
        largest = [0.3, 0.3, 150 / 331 * width, 150 / 331 * height, 30.0, 0.9, 4]
    last, (*moves, factor, bits) = spec.num_magnitude_bins - 1, largest
    factors = 1 + signs * torch.linspace(0, factor, last + 1)[bins]
    matrices = _matrices(moves, kinds, bins, signs, last, shape)
    return [
        SampledTransform(lambda images: images),
        SampledTransform(partial(affine, interpolation=spec.interpolation), (matrices,)),
        SampledTransform(color.adjust_brightness, (factors,)),
        SampledTransform(color.adjust_saturation, (factors,)),
        SampledTransform(color.adjust_contrast, (factors,)),
        SampledTransform(color.adjust_sharpness, (factors,)),
        SampledTransform(color.posterize, ((8 - bins / (last / bits)).round(),)),
        SampledTransform(color.solarize, (torch.linspace(1, 0, last + 1)[bins],)),
        SampledTransform(color.autocontrast),
        SampledTransform(color.equalize),
    ]


def _matrices(
    largest: Sequence[float], kinds: Tensor, bins: Tensor, signs: Tensor, last: int, shape: Sequence[int]
) -> Tensor:
    """Return inverse affine maps (N, 2, 3); a shear is about the corner at the top left."""
    magnitudes = [
        (signs * torch.linspace(0, high, last + 1)[bins]).double() * (kinds == kind)
        for kind, high in enumerate(largest, start=1)
    ]
    shears = torch.stack(magnitudes[:2], dim=1).atan().rad2deg()
    translations = torch.stack(magnitudes[2:4], dim=1).trunc()
    corners = -torch.tensor([shape[-1], shape[-2]]) / 2 * (shears != 0).any(1, keepdim=True)
    return inverse_affine(-magnitudes[4], translations, torch.ones(len(bins)), shears, corners)
