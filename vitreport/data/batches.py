"""Splits as one uint8 tensor, on the device where it fits, and the batches that are cut from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vitreport.data.augment.pipeline import augment
from vitreport.data.augment.random_numbers import PositionNumbers, RandomNumbers
from vitreport.data.mix import mix
from vitreport.randomness import permutation
from vitreport.spec.augment import AugmentSpec
from vitreport.spec.data import DataSpec

DEVICE_MEMORY_SHARE = 0.5
POSITIONS_AT_ONCE = 1024  # of which the random numbers are drawn together, which takes fewer calls


@dataclass(frozen=True)
class ImageSet:
    """`images` (N, 3, H, W) uint8 and `labels` (N,) int64, served as float batches on `device`.

    `mean` and `std` (3,) are subtracted from and divide the values in [0, 1]; images of another size than
    `image_size` are resized (bilinear, antialiased) batch by batch.
    """

    images: Tensor
    labels: Tensor
    device: torch.device
    image_size: int
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in order, not augmented; the last batch may be smaller."""
        for start in range(0, len(self), batch_size):
            chosen = slice(start, start + batch_size)
            yield self._normalised(self._resized(self.images[chosen])), self.labels[chosen].to(self.device)

    def augmented(
        self, indices: Tensor, operations: Sequence[AugmentSpec], numbers: RandomNumbers
    ) -> tuple[Tensor, Tensor]:
        """One augmented batch: images (B, 3, image_size, image_size) and labels (B,)."""
        images = augment(self._resized(self.images[indices]), operations, numbers)
        return self._normalised(images), self.labels[indices].to(self.device)

    def _resized(self, images: Tensor) -> Tensor:
        floats = images.to(self.device, non_blocking=True).float().div_(255)
        if floats.shape[-1] == self.image_size:
            return floats
        size = (self.image_size, self.image_size)
        return functional.interpolate(floats, size, mode="bilinear", antialias=True).clamp_(0, 1)

    def _normalised(self, images: Tensor) -> Tensor:
        return (images - self.mean[:, None, None]) / self.std[:, None, None]


def place(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    device: torch.device,
    image_size: int,
    mean: Sequence[float],
    std: Sequence[float],
) -> ImageSet:
    """A split on the device where half its free memory is enough, else on the host."""
    home = device if _fits(device, images.nbytes) else torch.device("cpu")
    return ImageSet(
        images=torch.from_numpy(images).to(home),
        labels=torch.from_numpy(labels).to(home),
        device=device,
        image_size=image_size,
        mean=torch.tensor(mean, device=device),
        std=torch.tensor(std, device=device),
    )


@dataclass(frozen=True)
class TrainingBatches:
    """The batches of every epoch.

    Each image is a function of (seed, epoch, position in the epoch's order), a mixed one also of its batch.
    """

    images: ImageSet
    data: DataSpec
    batch_size: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch in shuffled order, from its step `first_step` on; the last may be smaller.

        Each has its images and their labels (B,) or, where images are mixed, weights of the classes (B, num_classes).
        """
        count, block = len(self.images), self.batch_size * max(1, POSITIONS_AT_ONCE // self.batch_size)
        order = epoch_order(count, self.seed, epoch).to(self.images.images.device)
        for first in range(first_step * self.batch_size, count, block):
            positions = np.arange(first, min(first + block, count))
            numbers = [PositionNumbers(self.seed, purpose, epoch, positions) for purpose in ("augment", "mix")]
            for start in range(0, len(positions), self.batch_size):
                rows = slice(start, start + self.batch_size)
                yield self._batch(order[first:][rows], *(each.of(rows) for each in numbers))

    def _batch(self, indices: Tensor, augmenting: RandomNumbers, mixing: RandomNumbers) -> tuple[Tensor, Tensor]:
        images, labels = self.images.augmented(indices, self.data.augment, augmenting)
        if not self.data.mix.is_on:
            return images, labels
        return mix(images, labels, self.data.mix, self.data.num_classes, mixing)


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """A permutation of range(count), a function of (seed, epoch)."""
    return torch.from_numpy(permutation(seed, "order", epoch, count))


def _fits(device: torch.device, size: int) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size < free * DEVICE_MEMORY_SHARE
