"""Which function draws the random numbers of which spec, and the operations of a spec one after the other."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vitreport.data.augment.color import draw_autocontrast, draw_color_jitter, draw_equalize, draw_sharpness
from vitreport.data.augment.erasing import draw_random_erasing
from vitreport.data.augment.geometry import (
    draw_horizontal_flip,
    draw_random_affine,
    draw_random_crop,
    draw_random_resized_crop,
    draw_random_rotation,
    draw_vertical_flip,
)
from vitreport.data.augment.policies import draw_rand_augment, draw_trivial_augment
from vitreport.data.augment.random_numbers import RandomNumbers
from vitreport.data.augment.sampling import InTurn, SampledTransform, Sampler
from vitreport.spec.augment import (
    AugmentSpec,
    AutocontrastSpec,
    ColorJitterSpec,
    EqualizeSpec,
    HorizontalFlipSpec,
    MixtureSpec,
    RandAugmentSpec,
    RandomAffineSpec,
    RandomCropSpec,
    RandomErasingSpec,
    RandomResizedCropSpec,
    RandomRotationSpec,
    SharpnessSpec,
    TrivialAugmentSpec,
    VerticalFlipSpec,
)

OPERATIONS: dict[type, Sampler] = {
    HorizontalFlipSpec: draw_horizontal_flip,
    VerticalFlipSpec: draw_vertical_flip,
    RandomCropSpec: draw_random_crop,
    RandomResizedCropSpec: draw_random_resized_crop,
    RandomRotationSpec: draw_random_rotation,
    RandomAffineSpec: draw_random_affine,
    ColorJitterSpec: draw_color_jitter,
    SharpnessSpec: draw_sharpness,
    AutocontrastSpec: draw_autocontrast,
    EqualizeSpec: draw_equalize,
    RandomErasingSpec: draw_random_erasing,
    RandAugmentSpec: draw_rand_augment,
    TrivialAugmentSpec: draw_trivial_augment,
}


def draw_mixture(spec: MixtureSpec, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    """How many operations each image gets and which; each of its turns has parameters of its own."""
    count, turns = shape[0], spec.maximum
    many = (count * turns, *shape[1:])
    own = numbers.repeated(turns)
    drawn = [OPERATIONS[type(inner)](inner, many, own) for inner in spec.operations]
    choices = numbers.integers(0, len(drawn), turns)
    lengths = numbers.integers(spec.minimum, spec.maximum + 1, 1)
    choices = choices.where(torch.arange(turns) < lengths, -1)
    rows = torch.arange(count * turns).view(count, turns)
    return SampledTransform(InTurn(drawn), (choices, rows))


DRAWS = OPERATIONS | {MixtureSpec: draw_mixture}


def augment(images: Tensor, operations: Sequence[AugmentSpec], numbers: RandomNumbers) -> Tensor:
    """Apply the operations in the given order to float images (B, 3, H, W) in [0, 1]."""
    for spec in operations:
        apply, parameters = DRAWS[type(spec)](spec, images.shape, numbers)
        images = apply(images, *parameters)
    return images
