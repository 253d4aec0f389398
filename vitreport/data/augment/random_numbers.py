"""The random numbers of augmentation: for each image columns of its own, by its position in the epoch's order."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitreport.randomness import Words, as_uniforms, position_keys, random_words

COLUMNS_AT_ONCE = 64  # a call of the hash costs more than the columns that it draws in vain


@dataclass(frozen=True)
class RandomNumbers:
    """Hand out random numbers, a row for each image; `words(count)` gives the next columns (B, count).

    Which columns a caller gets follows from the calls before it. An operation therefore asks for the same number of
    columns whatever the images are and whatever it has drawn.
    """

    words: Callable[[int], Words]

    def uniform(self, low: float, high: float, count: int) -> Tensor:
        """Draw (B, count) of float64 between two bounds."""
        return torch.from_numpy(as_uniforms(self.words(count))).mul_(high - low).add_(low)

    def integers(self, low: int, high: int, count: int) -> Tensor:
        """Draw (B, count) of int64 from range(low, high)."""
        return self.uniform(low, high, count).floor_().long()

    def happens(self, probability: float) -> Tensor:
        """Draw (B,) of bool, true with that probability."""
        return self.uniform(0, 1, 1).squeeze(1) < probability

    def seeds(self) -> Tensor:
        """Draw (B, 2) of int32, any value equally likely."""
        return torch.from_numpy(self.words(2))

    def repeated(self, turns: int) -> "RandomNumbers":
        """Give each image `turns` consecutive rows with columns of their own."""

        def words(count: int) -> Words:
            own = self.words(turns * count)
            return own.reshape(len(own) * turns, count)

        return RandomNumbers(words)


def augmentation_numbers(seed: int, epoch: int, positions: NDArray[np.int64]) -> RandomNumbers:
    """The numbers of the images at `positions` (B,) in the order of an epoch."""
    return RandomNumbers(_Columns(position_keys(seed, "augment", epoch, positions)))


class _Columns:
    """The columns of some keys, in order; the hash draws many of them at once."""

    def __init__(self, keys: Words) -> None:
        self._keys = keys
        self._drawn = np.empty((keys.shape[1], 0), np.int32)
        self._first = self._next = 0

    def __call__(self, count: int) -> Words:
        start, self._next = self._next, self._next + count
        if self._next > self._first + self._drawn.shape[1]:
            self._first = start
            self._drawn = random_words(self._keys, start, max(count, COLUMNS_AT_ONCE))
        return self._drawn[:, start - self._first : self._next - self._first]
