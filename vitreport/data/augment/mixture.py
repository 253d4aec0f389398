"""A mixture of operations: each image gets some of them."""

from collections.abc import Mapping, Sequence

import torch

from vitreport.data.augment.random_numbers import RandomNumbers
from vitreport.data.augment.sampling import InTurn, SampledTransform, Sampler
from vitreport.spec.augment import MixtureSpec


def draw_mixture(
    spec: MixtureSpec, shape: Sequence[int], numbers: RandomNumbers, *, operations: Mapping[type, Sampler]
) -> SampledTransform:
    """How many operations each image gets and which; each of its turns has parameters of its own."""
    count, turns = shape[0], spec.maximum
    many = (count * turns, *shape[1:])
    own = numbers.repeated(turns)
    drawn = [operations[type(inner)](inner, many, own) for inner in spec.operations]
    choices = numbers.integers(0, len(drawn), turns)
    lengths = numbers.integers(spec.minimum, spec.maximum + 1, 1)
    choices = choices.where(torch.arange(turns) < lengths, -1)
    rows = torch.arange(count * turns).view(count, turns)
    return SampledTransform(InTurn(drawn), (choices, rows))
