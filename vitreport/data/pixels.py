"""What is counted of a data set's pixels, also while they go by in chunks."""

import hashlib

import numpy as np
import numpy.typing as npt

from vitreport.spec.data import CHANNELS

Pixels = npt.NDArray[np.uint8]
Channels = tuple[float, float, float]


def image_digests(images: Pixels) -> list[bytes]:
    """One for each of the images (N, ...), equal where the pixels are."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


class PixelCounts:
    """Of all training images, then of all test images: the channels' values, and the test images seen in training."""

    def __init__(self) -> None:
        self._histogram = np.zeros((CHANNELS, 256), np.int64)
        self._training = set[bytes]()
        self.overlap = 0

    def add(self, split: str, images: Pixels) -> None:
        """Images uint8 (n, 3, S, S)."""
        digests = image_digests(images)
        if split != "train":
            self.overlap += sum(digest in self._training for digest in digests)
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
