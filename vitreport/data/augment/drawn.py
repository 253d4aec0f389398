"""What an operation is once its random numbers are drawn, and how images get operations of their own.

The parameters of an operation are tensors on the CPU whose first dimension counts the images. Because they stay
there until they are used, it is known there which images an operation concerns, and the device is never waited for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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

    For each image and each of K turns, `choices` (B, K) holds the position of an operation in `operations`, or -1 for
    none, and `rows` (B, K) the row of that operation's parameters.
    """
    images = images.clone()
    for position, members, turns in _schedule(choices.tolist()):
        apply, parameters = operations[position]
        own, places = rows[members, turns], torch.tensor(members).to(images.device, non_blocking=True)
        changed = apply(images.index_select(0, places), *(values[own] for values in parameters))
        images.index_copy_(0, places, changed)
    return images


def _schedule(choices: list[list[int]]) -> Iterator[tuple[int, list[int], list[int]]]:
    """Which operation is applied next, to which images and in which turn of each of them.

    It is the one that most images wait for, which takes fewer calls than turn after turn.
    """
    queues = [[(turn, position) for turn, position in enumerate(own) if position >= 0][::-1] for own in choices]
    waiting: dict[int, list[int]] = {}
    arriving: Iterable[int] = range(len(queues))
    while True:
        for image in arriving:
            if queues[image]:
                waiting.setdefault(queues[image][-1][1], []).append(image)
        if not waiting:
            return
        position = max(waiting, key=lambda position: len(waiting[position]))
        arriving = waiting.pop(position)
        yield position, arriving, [queues[image].pop()[0] for image in arriving]


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
