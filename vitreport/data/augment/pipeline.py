"""Operations that consist of others, the function that draws for each spec, and the operations of a spec in order."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitreport.data.augment import color, geometry
from vitreport.data.augment.sampling import (
    Apply,
    PerImageOperations,
    RandomNumbers,
    SampledTransform,
    Sampler,
    Shape,
    Uniforms,
    as_turns,
)
from vitreport.spec import augment as specs

MOVING = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
COLORING = ("Brightness", "Color", "Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize")
NAMES = ("Identity", *MOVING, *COLORING)
"""The operations of RandAugment and TrivialAugment as torchvision names them; each is equally likely."""
CHOICES = torch.tensor([-1, *[0] * len(MOVING), *range(1, 1 + len(COLORING))])
"""Which of `policy_operations` is applied for each of NAMES; none for "Identity"."""

RandomPolicySpec = specs.RandAugmentSpec | specs.TrivialAugmentSpec


def draw_policy(spec: RandomPolicySpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw operations for each image: several of one magnitude, or one of a random magnitude; with random signs."""
    if isinstance(spec, specs.RandAugmentSpec):
        turns, bins = spec.num_ops, torch.full((shape[0] * spec.num_ops,), spec.magnitude)
    else:
        turns, bins = 1, numbers.integers(0, spec.num_magnitude_bins, 1).squeeze(1)
    own = numbers.repeated(turns)
    kinds = own.integers(0, len(NAMES), 1).squeeze(1)
    signs = own.integers(0, 2, 1).squeeze(1) * 2 - 1
    drawn = PerImageOperations(policy_operations(spec, shape, kinds, bins, signs))
    return SampledTransform(drawn, (CHOICES[kinds].view(-1, turns), torch.arange(len(bins)).view(-1, turns)))


def policy_operations(
    spec: RandomPolicySpec, shape: Shape, kinds: Tensor, bins: Tensor, signs: Tensor
) -> list[SampledTransform]:
    """Return one affine map for all of MOVING, which depends on the kind, and the operations of COLORING."""
    height, width = shape[-2:]
    # The largest magnitudes: tangents, pixels and degrees of MOVING, the change of a factor and the bits taken away.
    largest = [0.99, 0.99, 32.0, 32.0, 135.0, 0.99, 6]
    if isinstance(spec, specs.RandAugmentSpec):
        largest = [0.3, 0.3, 150 / 331 * width, 150 / 331 * height, 30.0, 0.9, 4]
    *moves, factor, bits = largest
    last = spec.num_magnitude_bins - 1
    factors = 1 + signs * torch.linspace(0, factor, last + 1)[bins]
    moved = [
        (signs * torch.linspace(0, high, last + 1)[bins]).double() * (kinds == kind)
        for kind, high in enumerate(moves, start=1)
    ]
    shears = torch.stack(moved[:2], dim=1).atan().rad2deg()
    corners = -torch.tensor([width, height]) / 2 * (shears != 0).any(1, keepdim=True)  # a shear is about the top left
    translations, still = torch.stack(moved[2:4], dim=1).trunc(), torch.ones(len(bins))
    matrices = geometry.inverse_affine(-moved[4], translations, still, shears, corners)
    return [
        SampledTransform(partial(geometry.affine, interpolation=spec.interpolation), (matrices,)),
        SampledTransform(color.adjust_brightness, (factors,)),
        SampledTransform(color.adjust_saturation, (factors,)),
        SampledTransform(color.adjust_contrast, (factors,)),
        SampledTransform(color.adjust_sharpness, (factors,)),
        SampledTransform(color.posterize, ((8 - bins / (last / bits)).round(),)),
        SampledTransform(color.solarize, (torch.linspace(1, 0, last + 1)[bins],)),
        SampledTransform(color.autocontrast),
        SampledTransform(color.equalize),
    ]


def by_chance(apply: Apply, *fields: str) -> Sampler:
    """Return the sampler of an operation that changes an image with the probability of its spec, by these `fields`."""

    def draw(spec: Any, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
        choices = numbers.happens(spec.probability).long() - 1
        parameters = tuple(torch.full((shape[0],), getattr(spec, name)) for name in fields)
        operation = PerImageOperations([SampledTransform(apply, parameters)])
        return SampledTransform(operation, (choices[:, None], torch.arange(shape[0])[:, None]))

    return draw


def draw_mixture(spec: specs.MixtureSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw how many operations each image gets and which; each of its turns has parameters of its own.

    An operation that consists of others is replaced by them, so that images can share them across their turns.
    """
    count, turns = shape[0], spec.maximum
    own = numbers.ahead(turns * sum(map(columns_of, spec.operations))).repeated(turns)
    drawn = numbers.integers(0, len(spec.operations), turns).numpy()
    lengths = numbers.integers(spec.minimum, spec.maximum + 1, 1).numpy()
    drawn = np.where(np.arange(turns) < lengths, drawn, -1).ravel()
    operations: list[SampledTransform] = []
    parts = []
    for position, inner in enumerate(spec.operations):
        mine = (drawn == position).nonzero()[0]
        each, *table = as_turns(DRAWS[type(inner)](inner, (len(mine), *shape[1:]), own.only(mine)), len(mine))
        choices, rows = (values.numpy() for values in table)
        parts.append((mine, np.where(choices < 0, -1, choices + len(operations)), rows))
        operations += each
    width = max(choices.shape[1] for _, choices, _ in parts)
    wide = np.full((2, count * turns, width), -1)
    for mine, *values in parts:
        wide[:, mine, : values[0].shape[1]] = values
    return SampledTransform(PerImageOperations(operations), tuple(torch.from_numpy(wide).view(2, count, -1)))


@cache
def columns_of(spec: specs.OperationSpec) -> int:
    """Return how many random numbers an operation asks for."""
    asked = []

    def uniforms(count: int) -> Uniforms:
        asked.append(count)
        return np.full((1, count), 0.5)

    DRAWS[type(spec)](spec, (1, 3, 8, 8), RandomNumbers(uniforms))
    return sum(asked)


DRAWS: dict[type, Sampler] = {
    specs.HorizontalFlipSpec: by_chance(partial(torch.flip, dims=[-1])),
    specs.VerticalFlipSpec: by_chance(partial(torch.flip, dims=[-2])),
    specs.RandomCropSpec: geometry.draw_random_crop,
    specs.RandomResizedCropSpec: geometry.draw_resized_crop,
    specs.RandomRotationSpec: geometry.draw_random_rotation,
    specs.RandomAffineSpec: geometry.draw_random_affine,
    specs.ColorJitterSpec: color.draw_color_jitter,
    specs.SharpnessSpec: by_chance(color.adjust_sharpness, "factor"),
    specs.AutocontrastSpec: by_chance(color.autocontrast),
    specs.EqualizeSpec: by_chance(color.equalize),
    specs.RandomErasingSpec: color.draw_random_erasing,
    specs.RandAugmentSpec: draw_policy,
    specs.TrivialAugmentSpec: draw_policy,
    specs.MixtureSpec: draw_mixture,
}


def augment(images: Tensor, operations: Sequence[specs.AugmentSpec], numbers: RandomNumbers) -> Tensor:
    """Apply the operations in the given order to float images (B, 3, H, W) in [0, 1]."""
    for spec in operations:
        apply, parameters = DRAWS[type(spec)](spec, images.shape, numbers)
        images = apply(images, *parameters)
    return images
