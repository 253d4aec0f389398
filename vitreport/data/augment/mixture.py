"""A mixture of operations: each image gets some of them."""

from collections.abc import Mapping, Sequence

import torch

from vitreport.data.augment.drawn import Draw, Drawn, InTurn
from vitreport.spec.augment import MixtureSpec


def draw_mixture(
    spec: MixtureSpec, shape: Sequence[int], generator: torch.Generator, *, operations: Mapping[type, Draw]
) -> Drawn:
    """How many operations each image gets and which; each of its turns has parameters of its own."""
    count, turns = shape[0], spec.maximum
    many = (count * turns, *shape[1:])
    drawn = [operations[type(inner)](inner, many, generator) for inner in spec.operations]
    choices = torch.randint(len(drawn), (count, turns), generator=generator)
    numbers = torch.randint(spec.minimum, spec.maximum + 1, (count, 1), generator=generator)
    choices = choices.where(torch.arange(turns) < numbers, -1)
    rows = torch.arange(count * turns).view(count, turns)
    return Drawn(InTurn(drawn), (choices, rows))
