"""Random numbers of images by their position in the epoch's order: a row for each image, columns for each draw."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitreport.randomness import MIDDLE, as_uniforms, position_keys, random_words

COLUMNS_AT_ONCE = 16  # a call of the hash costs more than the columns that it draws in vain


@dataclass(frozen=True)
class RandomNumbers:
    """Hand out random numbers, a row for each image; `units(count)` gives the next columns (B, count) from (0, 1).

    Which columns a caller gets follows from the calls before it. An operation therefore asks for the same number of
    columns whatever the images are and whatever it has drawn.
    """

    units: Callable[[int], Tensor]

    def uniform(self, low: float, high: float, count: int) -> Tensor:
        """Draw (B, count) of float64 between two bounds."""
        return self.units(count).mul(high - low).add_(low)

    def integers(self, low: int, high: int, count: int) -> Tensor:
        """Draw (B, count) of int64 from range(low, high)."""
        return self.uniform(low, high, count).floor_().long()

    def happens(self, probability: float) -> Tensor:
        """Draw (B,) of bool, true with that probability."""
        return self.units(1)[:, 0] < probability

    def seeds(self) -> Tensor:
        """Draw (B, 2) of int32: the words of which the numbers are made, exactly."""
        return self.units(2).sub(MIDDLE).mul_(2.0**32).to(torch.int32)

    def repeated(self, turns: int) -> "RandomNumbers":
        """Give each image `turns` consecutive rows with columns of their own."""

        def units(count: int) -> Tensor:
            own = self.units(turns * count)
            return own.reshape(len(own) * turns, count)

        return RandomNumbers(units)


class PositionNumbers:
    """The random numbers of `positions` (N,) in the order of an epoch; columns are drawn when they are first read."""

    def __init__(self, seed: int, purpose: str, epoch: int, positions: NDArray[np.int64]) -> None:
        self._keys = position_keys(seed, purpose, epoch, positions)
        self._chunks = list[Tensor]()

    def of(self, rows: slice) -> RandomNumbers:
        """Hand out the columns of some rows, from the first on."""
        used = 0

        def units(count: int) -> Tensor:
            nonlocal used
            start, used = used, used + count
            return self._columns(rows, start, used)

        return RandomNumbers(units)

    def all(self) -> RandomNumbers:
        """Hand out the columns of every row."""
        return self.of(slice(None))

    def _columns(self, rows: slice, start: int, stop: int) -> Tensor:
        first, last = start // COLUMNS_AT_ONCE, max(start, stop - 1) // COLUMNS_AT_ONCE
        while len(self._chunks) <= last:
            words = random_words(self._keys, len(self._chunks) * COLUMNS_AT_ONCE, COLUMNS_AT_ONCE)
            self._chunks.append(torch.from_numpy(as_uniforms(words)))
        chunks = [chunk[rows] for chunk in self._chunks[first : last + 1]]
        joined = chunks[0] if len(chunks) == 1 else torch.cat(chunks, dim=1)
        return joined[:, start - first * COLUMNS_AT_ONCE : stop - first * COLUMNS_AT_ONCE]
