"""What is counted of a data set's pixels, also while they go by in chunks."""

import hashlib
from collections.abc import Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from vitreport.spec.data import CHANNELS
from vitreport.spec.section import Section

Pixels = npt.NDArray[np.uint8]
Channels = tuple[float, float, float]
Range = tuple[float, float]


class Seen(Section):
    """What was seen of image files while they were decoded.

    `resized` counts the images that had another size, `sides` has the smallest and the largest of their shorter sides.
    `turned` counts the images that were turned upright, `several` the files with several pictures. `grey16` and
    `colour16` are the lowest and the highest value in images of more than 8 bits.
    """

    resized: int = 0
    sides: tuple[int, int] | None = None
    turned: int = 0
    several: int = 0
    grey16: Range | None = None
    colour16: Range | None = None

    @classmethod
    def of_all(cls, parts: Iterable[Self]) -> Self:
        """What was seen of several parts together."""
        parts = list(parts)
        sides = joined_range(part.sides for part in parts)
        return cls(
            resized=sum(part.resized for part in parts),
            sides=sides and (int(sides[0]), int(sides[1])),
            turned=sum(part.turned for part in parts),
            several=sum(part.several for part in parts),
            grey16=joined_range(part.grey16 for part in parts),
            colour16=joined_range(part.colour16 for part in parts),
        )


NOTHING_SEEN = Seen()


def joined_range(ranges: Iterable[Range | None]) -> Range | None:
    """From the lowest to the highest of some ranges; None where there is none."""
    found = [each for each in ranges if each is not None]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def image_digests(images: Pixels) -> list[bytes]:
    """One for each of the images (N, ...), equal where the pixels are."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


class PixelCounts:
    """Of all training images, then of the others: the channels' values, and the images seen in an earlier split.

    `overlap` counts the test images that are training images too, `validation_overlap` the validation images that are,
    and `selection_overlap` the test images that are validation images too.
    """

    def __init__(self) -> None:
        self._histogram = np.zeros((CHANNELS, 256), np.int64)
        self._training = set[bytes]()
        self._validation = set[bytes]()
        self.overlap = 0
        self.validation_overlap = 0
        self.selection_overlap = 0

    def add(self, split: str, images: Pixels) -> None:
        """Images uint8 (n, 3, S, S)."""
        digests = image_digests(images)
        if split == "test":
            self.overlap += sum(digest in self._training for digest in digests)
            self.selection_overlap += sum(digest in self._validation for digest in digests)
            return
        if split == "val":
            self.validation_overlap += sum(digest in self._training for digest in digests)
            self._validation.update(digests)
            return
        self._training.update(digests)
        for channel, counts in enumerate(self._histogram):
            counts += np.bincount(images[:, channel].ravel(), minlength=256)

    def mean_and_std(self) -> tuple[Channels, Channels]:
        """Of each channel of the training images: exact, however many pixels there are.

        The deviation is at least one step of 256, so that a channel of one value alone can be divided by it.
        """
        values = np.arange(256) / 255
        weights = self._histogram / self._histogram.sum(axis=1, keepdims=True)
        mean = weights @ values
        std = np.maximum(np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1)), 1 / 255)
        return (float(mean[0]), float(mean[1]), float(mean[2])), (float(std[0]), float(std[1]), float(std[2]))
