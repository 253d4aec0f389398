"""Random numbers by position in the epoch's order, and operations whose numbers are drawn.

The parameters of an operation are tensors on the CPU whose first dimension counts the images. Because they stay
there until they are used, it is known there which images an operation concerns, and the device is never waited for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitreport.randomness import MIDDLE, as_uniforms, position_keys, random_words

Units = NDArray[np.float64]
Bounds = float | Sequence[float]
Shape = Sequence[int]
"""Of a batch: (B, 3, H, W)."""


@dataclass(frozen=True)
class RandomNumbers:
    """Draw a row for each image; `units(count)` gives the next columns (B, count) from (0, 1).

    Operations ask for the same number of columns whatever they have drawn, so that the next ones get the same columns.
    """

    units: Callable[[int], Units]

    def uniform(self, low: Bounds, high: Bounds, count: int) -> Tensor:
        """Draw (B, count) of float64 between two bounds, or between those of each column."""
        return torch.from_numpy(self.units(count) * np.subtract(high, low) + low)

    def integers(self, low: int, high: int, count: int) -> Tensor:
        """Draw (B, count) of int64 from range(low, high)."""
        return torch.from_numpy((self.units(count) * (high - low)).astype(np.int64) + low)

    def happens(self, probability: float) -> Tensor:
        """Draw (B,) of bool, true with that probability."""
        return torch.from_numpy(self.units(1)[:, 0] < probability)

    def seeds(self) -> Tensor:
        """Draw (B, 2) of int32: the exact words that the numbers are made from."""
        return torch.from_numpy(((self.units(2) - MIDDLE) * 2.0**32).astype(np.int32))

    def repeated(self, turns: int) -> "RandomNumbers":
        """Give each image `turns` consecutive rows with columns of their own."""

        def units(count: int) -> Units:
            own = self.units(turns * count)
            return own.reshape(len(own) * turns, count)

        return RandomNumbers(units)


def position_numbers(seed: int, purpose: str, epoch: int, positions: NDArray[np.int64]) -> RandomNumbers:
    """Return the random numbers of `positions` (N,) in the order of an epoch."""
    keys, used = position_keys(seed, purpose, epoch, positions), 0

    def units(count: int) -> Units:
        nonlocal used
        start, used = used, used + count
        return as_uniforms(random_words(keys, start, count))

    return RandomNumbers(units)


Apply = Callable[..., Tensor]


class SampledTransform(NamedTuple):
    """`apply(images, *parameters)` gives the changed images (B, 3, H, W) and leaves its input alone."""

    apply: Apply
    parameters: tuple[Tensor, ...] = ()


Sampler = Callable[[Any, Shape, RandomNumbers], SampledTransform]
"""`draw(spec, shape, numbers)` draws for images of that shape."""


@dataclass(frozen=True)
class InTurn:
    """Apply to each image operations of its own, in an order of its own.

    For each image and each of K turns, `choices` (B, K) holds the position of an operation in `operations`, or -1 for
    none, and `rows` (B, K) the row of that operation's parameters.
    """

    operations: Sequence[SampledTransform]

    def __call__(self, images: Tensor, choices: Tensor, rows: Tensor) -> Tensor:
        """Return the changed images (B, 3, H, W)."""
        images = images.clone()
        put = written if images.device.type == "cpu" else replaced
        for chosen, own in zip(choices.unbind(1), rows.unbind(1), strict=True):
            members: list[Tensor] = []
            results: list[Tensor] = []
            for position in sorted(set(chosen.tolist()) - {-1}):
                apply, parameters = self.operations[position]
                mine = (chosen == position).nonzero().squeeze(1)
                where = sent(mine, images.device)
                changed = apply(images.index_select(0, where), *(values[own[mine]] for values in parameters))
                members.append(mine)
                results.append(changed)
            if results:
                images = put(images, members, results)
        return images


def written(images: Tensor, members: list[Tensor], results: list[Tensor]) -> Tensor:
    """Write `results` over their `members` in the images. This is fast on a CPU."""
    for mine, changed in zip(members, results, strict=True):
        images.index_copy_(0, mine, changed)
    return images


def replaced(images: Tensor, members: list[Tensor], results: list[Tensor]) -> Tensor:
    """Return the same on a GPU, with two kernels. A deterministic index_copy_ sorts its index there, which is slow.

    The members are on the CPU and distinct.
    """
    source, where = torch.arange(len(images)), torch.cat(members)
    source[where] = torch.arange(len(images), len(images) + len(where))
    return torch.cat([images, *results]).index_select(0, sent(source, images.device))


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return values of the CPU on a device. A GPU would be waited for, if they were not in pinned memory."""
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """Return values (B,) or (B, 3) on the device of the images, shaped to broadcast over their pixels."""
    values = sent(values.to(images.dtype), images.device)
    return values.view(*values.shape, *[1] * (images.ndim - values.ndim))
