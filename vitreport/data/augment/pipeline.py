"""Which function draws the random numbers of which spec, and the operations of a spec one after the other."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from vitreport.data.augment import color, geometry, policies
from vitreport.data.augment.sampling import Apply, InTurn, RandomNumbers, SampledTransform, Sampler, apply_where
from vitreport.spec import augment as specs


def chosen_by_chance(apply: Apply) -> Sampler:
    """Return the sampler of `apply(images, chosen)`, which chooses images with the probability of the spec."""
    return lambda spec, shape, numbers: SampledTransform(apply, (numbers.happens(spec.probability),))


def draw_mixture(spec: specs.MixtureSpec, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    """Draw how many operations each image gets and which; each of its turns has parameters of its own."""
    count, turns = shape[0], spec.maximum
    many = (count * turns, *shape[1:])
    own = numbers.repeated(turns)
    drawn = [DRAWS[type(inner)](inner, many, own) for inner in spec.operations]
    choices = numbers.integers(0, len(drawn), turns)
    lengths = numbers.integers(spec.minimum, spec.maximum + 1, 1)
    choices = choices.where(torch.arange(turns) < lengths, -1)
    rows = torch.arange(count * turns).view(count, turns)
    return SampledTransform(InTurn(drawn), (choices, rows))


DRAWS: dict[type, Sampler] = {
    specs.HorizontalFlipSpec: chosen_by_chance(geometry.horizontal_flip),
    specs.VerticalFlipSpec: chosen_by_chance(geometry.vertical_flip),
    specs.RandomCropSpec: geometry.draw_random_crop,
    specs.RandomResizedCropSpec: geometry.draw_random_resized_crop,
    specs.RandomRotationSpec: geometry.draw_random_rotation,
    specs.RandomAffineSpec: geometry.draw_random_affine,
    specs.ColorJitterSpec: color.draw_color_jitter,
    specs.SharpnessSpec: color.draw_sharpness,
    specs.AutocontrastSpec: chosen_by_chance(partial(apply_where, apply=color.autocontrast)),
    specs.EqualizeSpec: chosen_by_chance(partial(apply_where, apply=color.equalize)),
    specs.RandomErasingSpec: color.draw_random_erasing,
    specs.RandAugmentSpec: policies.draw_policy,
    specs.TrivialAugmentSpec: policies.draw_policy,
    specs.MixtureSpec: draw_mixture,
}


def augment(images: Tensor, operations: Sequence[specs.AugmentSpec], numbers: RandomNumbers) -> Tensor:
    """Apply the operations in the given order to float images (B, 3, H, W) in [0, 1]."""
    for spec in operations:
        apply, parameters = DRAWS[type(spec)](spec, images.shape, numbers)
        images = apply(images, *parameters)
    return images
