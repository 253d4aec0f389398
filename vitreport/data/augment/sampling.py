"""Random numbers by position in the epoch's order, and operations whose numbers are drawn.

The parameters of an operation are tensors on the CPU whose first dimension counts the images. Because they stay
there until they are used, it is known there which images an operation concerns, and the device is never waited for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitreport.randomness import MIDDLE, as_uniforms, position_keys, random_words

Uniforms = NDArray[np.float64]
Integers = NDArray[np.int64]
Bounds = float | Sequence[float]
Shape = Sequence[int]
"""Of a batch: (B, 3, H, W)."""


@dataclass(frozen=True)
class RandomNumbers:
    """Draw a row for each image; `uniforms(count)` gives the next columns (B, count) from (0, 1).

    Operations ask for the same number of columns whatever they have drawn, so that the next ones get the same columns.
    """

    uniforms: Callable[[int], Uniforms]

    def uniform(self, low: Bounds, high: Bounds, count: int) -> Tensor:
        """Draw (B, count) of float64 between two bounds, or between those of each column."""
        return torch.from_numpy(self.uniforms(count) * np.subtract(high, low) + low)

    def integers(self, low: int, high: int, count: int) -> Tensor:
        """Draw (B, count) of int64 from range(low, high)."""
        return torch.from_numpy((self.uniforms(count) * (high - low)).astype(np.int64) + low)

    def happens(self, probability: float) -> Tensor:
        """Draw (B,) of bool, true with that probability."""
        return torch.from_numpy(self.uniforms(1)[:, 0] < probability)

    def seeds(self) -> Tensor:
        """Draw (B, 2) of int32: the exact words that the numbers are made from."""
        return torch.from_numpy(((self.uniforms(2) - MIDDLE) * 2.0**32).astype(np.int32))

    def repeated(self, turns: int) -> "RandomNumbers":
        """Give each image `turns` consecutive rows with columns of their own."""

        def uniforms(count: int) -> Uniforms:
            own = self.uniforms(turns * count)
            return own.reshape(len(own) * turns, count)

        return RandomNumbers(uniforms)

    def ahead(self, count: int) -> "RandomNumbers":
        """Take the next `count` columns now, to draw from them later."""
        taken, used = self.uniforms(count), 0

        def uniforms(count: int) -> Uniforms:
            nonlocal used
            start, used = used, used + count
            return taken[:, start:used]

        return RandomNumbers(uniforms)

    def only(self, rows: Integers) -> "RandomNumbers":
        """Draw for some rows, and skip what the others would get."""
        return RandomNumbers(lambda count: self.uniforms(count)[rows])


def position_numbers(seed: int, purpose: str, epoch: int, positions: Integers) -> RandomNumbers:
    """Return the random numbers of `positions` (N,) in the order of an epoch."""
    keys, used = position_keys(seed, purpose, epoch, positions), 0

    def uniforms(count: int) -> Uniforms:
        nonlocal used
        start, used = used, used + count
        return as_uniforms(random_words(keys, start, count))

    return RandomNumbers(uniforms)


Apply = Callable[..., Tensor]


class SampledTransform(NamedTuple):
    """`apply(images, *parameters)` gives the changed images (B, 3, H, W) and leaves its input alone."""

    apply: Apply
    parameters: tuple[Tensor, ...] = ()


Sampler = Callable[[Any, Shape, RandomNumbers], SampledTransform]
"""`draw(spec, shape, numbers)` draws for images of that shape."""


@dataclass(frozen=True)
class PerImageOperations:
    """Apply to each image operations of its own, in an order of its own.

    For each image and each of K turns, `choices` (B, K) holds the position of an operation in `operations`, or -1 for
    none, and `rows` (B, K) the row of that operation's parameters.

    Images that wait for the same operation get it together, in whichever of their turns that is.
    """

    operations: Sequence[SampledTransform]

    def __call__(self, images: Tensor, choices: Tensor, rows: Tensor) -> Tensor:
        """Return the changed images (B, 3, H, W)."""
        batch = (InPlaceBatch if images.device.type == "cpu" else AppendingBatch)(images, int((choices >= 0).sum()))
        for position, mine, own in shared_turns(choices.numpy(), rows.numpy()):
            apply, parameters = self.operations[position]
            batch.put(mine, apply(batch.get(mine), *(values[own] for values in parameters)))
        return batch.all()


class InPlaceBatch:
    """A copy of images (B, 3, H, W) in which some are replaced. This is fast on a CPU."""

    def __init__(self, images: Tensor, changes: int) -> None:
        self._images = images.clone()

    def get(self, mine: Tensor) -> Tensor:
        """Return the images at `mine` (N,)."""
        return self._images.index_select(0, mine)

    def put(self, mine: Tensor, changed: Tensor) -> None:
        """Replace the images at `mine` (N,)."""
        self._images.index_copy_(0, mine, changed)

    def all(self) -> Tensor:
        """Return every image as it is now."""
        return self._images


class AppendingBatch:
    """The same on a GPU, where a deterministic index_copy_ sorts its index, which is slow.

    Images that replace others are appended; `changes` is the largest number of them.
    """

    def __init__(self, images: Tensor, changes: int) -> None:
        self._images = torch.cat([images, images.new_empty(changes, *images.shape[1:])])
        self._places, self._end = torch.arange(len(images)), len(images)

    def get(self, mine: Tensor) -> Tensor:
        """Return the images at `mine` (N,)."""
        return self._images.index_select(0, to_device(self._places[mine], self._images.device))

    def put(self, mine: Tensor, changed: Tensor) -> None:
        """Replace the images at `mine` (N,)."""
        start, self._end = self._end, self._end + len(mine)
        self._images[start : self._end] = changed
        self._places[mine] = torch.arange(start, self._end)

    def all(self) -> Tensor:
        """Return every image as it is now."""
        return self._images.index_select(0, to_device(self._places, self._images.device))


def shared_turns(choices: Integers, rows: Integers) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield operations, each with its images and rows (N,), in few calls and an order that suits every image.

    Next comes the operation whose waiting images have the most operations ahead of them in total ("weighted majority
    merge").
    """
    order = np.argsort(choices < 0, axis=1, kind="stable")
    choices, rows = (np.take_along_axis(values, order, axis=1) for values in (choices, rows))
    done, ahead = np.zeros(len(choices), np.int64), (choices >= 0).sum(1)
    while len(waiting := ahead.nonzero()[0]):
        wanted = choices[waiting, done[waiting]]
        position = int(np.bincount(wanted, ahead[waiting]).argmax())
        mine = waiting[wanted == position]
        yield position, torch.from_numpy(mine), torch.from_numpy(rows[mine, done[mine]])
        done[mine] += 1
        ahead[mine] -= 1


def as_turns(drawn: SampledTransform, count: int) -> tuple[Sequence[SampledTransform], Tensor, Tensor]:
    """Return the operations that one consists of, with choices and rows (B, K)."""
    if isinstance(drawn.apply, PerImageOperations):
        return drawn.apply.operations, *drawn.parameters  # type: ignore[return-value]
    return [drawn], torch.zeros(count, 1, dtype=torch.long), torch.arange(count)[:, None]


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Return values of the CPU on a device. A GPU would be waited for, if they were not in pinned memory."""
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """Return values (B,) or (B, 3) on the device of the images, shaped to broadcast over their pixels."""
    values = to_device(values.to(images.dtype), images.device)
    return values.view(*values.shape, *[1] * (images.ndim - values.ndim))
