"""Draw random numbers by position in the epoch's order: a row for each image, columns for each draw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitreport.randomness import MIDDLE, as_uniforms, position_keys, random_words

Units = NDArray[np.float64]
Bounds = float | Sequence[float]

COLUMNS_AT_ONCE = 16  # calling the hash costs more than drawing columns that are never used


@dataclass(frozen=True)
class RandomNumbers:
    """Draw numbers, a row for each image; `units(count)` gives the next columns (B, count) from (0, 1).

    Which columns a caller gets depends on the calls before it. An operation therefore asks for the same number of
    columns, whatever the images are and whatever it has drawn.
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


class PositionNumbers:
    """The random numbers of `positions` (N,) in the order of an epoch; columns are drawn when they are first read."""

    def __init__(self, seed: int, purpose: str, epoch: int, positions: NDArray[np.int64]) -> None:
        self._keys = position_keys(seed, purpose, epoch, positions)
        self._drawn: Units = np.empty((len(positions), 0))

    def of(self, rows: slice) -> RandomNumbers:
        """Give the columns of some rows, from the first on."""
        used = 0

        def units(count: int) -> Units:
            nonlocal used
            start, used = used, used + count
            drawn = self._drawn.shape[1]
            if used > drawn:
                words = random_words(self._keys, drawn, max(used - drawn, COLUMNS_AT_ONCE))
                self._drawn = np.concatenate([self._drawn, as_uniforms(words)], axis=1)
            return self._drawn[rows, start:used]

        return RandomNumbers(units)
