"""What an operation is once its random numbers are drawn, and how images get operations of their own.

The parameters of an operation are tensors on the CPU whose first dimension counts the images. Because they stay
there until they are used, it is known there which images an operation concerns, and the device is never waited for.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

Apply = Callable[..., Tensor]


class Drawn(NamedTuple):
    """`apply(images, *parameters)` gives the changed images (B, 3, H, W) and leaves its input alone."""

    apply: Apply
    parameters: tuple[Tensor, ...] = ()


Draw = Callable[[Any, Sequence[int], torch.Generator], Drawn]
"""`draw(spec, shape, generator)` draws for images of that shape (B, 3, H, W)."""


def apply_in_turn(images: Tensor, choices: Tensor, rows: Tensor, operations: Sequence[Drawn]) -> Tensor:
    """Apply to each image operations of its own, in an order of its own.

    For each image and each of K turns, `choices` (B, K) holds the position of an operation in `operations`, and
    `rows` (B, K) the row of that operation's parameters. Each operation is called once a turn, on the images whose
    turn it is.
    """
    places = torch.arange(len(images))  # which image lies where
    for choice, row in zip(choices.unbind(1), rows.unbind(1), strict=True):
        order = choice[places].argsort(stable=True)
        images, places = take(images, order), places[order]
        sizes = choice.bincount(minlength=len(operations)).tolist()
        changed = [
            apply(group, *(values[own] for values in parameters))
            for group, own, (apply, parameters) in zip(
                images.split_with_sizes(sizes), row[places].split_with_sizes(sizes), operations, strict=True
            )
            if len(group)
        ]
        images = torch.cat(changed)
    return take(images, places.argsort())


def apply_where(images: Tensor, chosen: Tensor, *parameters: Tensor, apply: Apply) -> Tensor:
    """Apply an operation to the images for which `chosen` (B,) is true."""
    if chosen.all():
        return apply(images, *parameters)
    rows = chosen.nonzero().squeeze(1)
    changed = apply(take(images, rows), *(values[rows] for values in parameters))
    return images.index_copy(0, rows.to(images.device, non_blocking=True), changed)


def unchanged(images: Tensor) -> Tensor:
    return images


def take(images: Tensor, rows: Tensor) -> Tensor:
    return images.index_select(0, rows.to(images.device, non_blocking=True))


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """Values (B,) or (B, 3) on the device of the images, shaped to broadcast over their pixels."""
    values = values.to(images.device, images.dtype, non_blocking=True)
    return values.view(*values.shape, *[1] * (images.ndim - values.ndim))


def uniform(low: float, high: float, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """float64 from [low, high)."""
    return torch.empty(*shape, dtype=torch.float64).uniform_(low, high, generator=generator)


def happens(probability: float, count: int, generator: torch.Generator) -> Tensor:
    """(count,) of bool, true with that probability."""
    return torch.rand(count, generator=generator) < probability
