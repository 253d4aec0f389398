"""Splits as one uint8 tensor, on the device where it fits, and the batches that are cut from it, mixed by partners.

Mixup and CutMix pair the images of a batch as timm does (`images.flip(0)`), and draw from the same distributions for
each image ("elem").
"""

import math
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vitreport.data.augment.geometry import in_boxes
from vitreport.data.augment.pipeline import augment
from vitreport.data.augment.sampling import RandomNumbers, Uniforms, per_image, position_numbers, to_device
from vitreport.randomness import permutation
from vitreport.spec.augment import MixSpec
from vitreport.spec.data import DataSpec

DEVICE_MEMORY_SHARE = 0.5
BLOCK_BYTES = {"cpu": 25 * 2**20, "cuda": 100e6}  # of images that are augmented at once
BLOCK_IMAGES = {"cpu": 512, "cuda": 2**31}  # on a CPU, more small images at once would need too much memory
FLOAT_BYTES = 4


class ImageSet:
    """A split as float batches: the `rows` (N,) of `images` (M, 3, H, W) uint8, and its `labels` (N,) int64.

    The images of a split are copied to a GPU if they fit into half of its free memory. Otherwise they stay where they
    are, and mapped images need no additional memory. The values in [0, 1] are normalized by `mean` and `std` (3,).
    Images that do not have `image_size` are resized (bilinear, antialiased) batch by batch.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        *,
        device: torch.device,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        needed = len(labels) * images[:1].nbytes
        self.home = torch.device("cpu")
        if device.type == "cuda" and needed < torch.cuda.mem_get_info(device)[0] * DEVICE_MEMORY_SHARE:
            self.home = device
            images, rows = (images if rows is None else images[rows]), None
        self._rows = None if rows is None else torch.from_numpy(rows)
        self._images = torch.from_numpy(images).to(self.home)
        self._labels = torch.from_numpy(labels).to(self.home)
        self.labels = labels
        self.device = device
        self.image_size = image_size
        self.mean = torch.tensor(mean, device=device)
        self.std = torch.tensor(std, device=device)

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> "ImageSet":
        """Return the first images of the split, without a copy of them."""
        some = copy(self)
        some.labels = self.labels[:count]
        return some

    @property
    def bytes_per_image(self) -> int:
        """Return the size of an image in float32, before or after it is resized, whichever is larger."""
        channels, *stored = self._images.shape[1:]
        return FLOAT_BYTES * channels * max(math.prod(stored), self.image_size**2)

    def in_order(self, batch_size: int, batches: slice = slice(None)) -> Iterator[Tensor]:
        """Yield every image of these batches once, in order, not augmented; the last batch may be smaller."""
        for start in range(0, len(self), batch_size)[batches]:
            yield self.normalized(self._served(slice(start, min(start + batch_size, len(self)))))

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, 3, image_size, image_size) in [0, 1] and labels (B,)."""
        return self._served(chosen), self._placed(self._labels[chosen])

    def none(self) -> tuple[Tensor, Tensor]:
        """Return a batch without images: a process gets it where a batch has too few of them."""
        images = torch.zeros(0, *self._images.shape[1:2], self.image_size, self.image_size, device=self.device)
        return images, self._labels[:0].to(self.device)

    def pixels(self, chosen: Tensor | slice) -> Tensor:
        """Return the images (B, 3, H, W) as they are stored; `chosen` is on `home`, where they are."""
        rows = chosen if self._rows is None else self._rows[chosen]
        # many times faster than indexing with brackets, which copies byte by byte on a CPU
        return self._images[rows] if isinstance(rows, slice) else self._images.index_select(0, rows)

    def _served(self, chosen: Tensor | slice) -> Tensor:
        return resized(self._placed(self.pixels(chosen)).float().div_(255), self.image_size)

    def _placed(self, values: Tensor) -> Tensor:
        """Return values on the device; images that do not fit there are read while it computes what came before."""
        return values if self.home == self.device else to_device(values, self.device)

    def normalized(self, images: Tensor) -> Tensor:
        """Subtract the mean from images in [0, 1] and divide by the deviation."""
        return normalized(images, self.mean, self.std)


def resized(images: Tensor, size: int) -> Tensor:
    """Resize images (B, 3, H, W) in [0, 1] to (B, 3, size, size): bilinear, antialiased."""
    if not torch.compiler.is_exporting() and images.shape[-2:] == (size, size):  # an exported model takes any size
        return images
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True).clamp_(0, 1)


def normalized(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Subtract the mean (3,) from images (B, 3, H, W) and divide by the standard deviation (3,)."""
    return (images - mean[:, None, None]).div_(std[:, None, None])


@dataclass(frozen=True)
class TrainingBatches:
    """The batches of every epoch; an image follows from (seed, epoch, position), a mixed one also from its batch.

    Of `world_size` processes, the one with this `rank` gets its share of each batch.
    """

    images: ImageSet
    data: DataSpec
    batch_size: int
    seed: int
    rank: int = 0
    world_size: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches; the last may be smaller."""
        return ceil(len(self.images) / self.batch_size)

    @property
    def steps_per_block(self) -> int:
        """Return how many batches are augmented at once: an operation costs one call, however many images it gets."""
        kind = self.images.device.type
        images = min(BLOCK_BYTES[kind] / self.images.bytes_per_image, BLOCK_IMAGES[kind])
        return max(1, int(images / self.batch_size))

    @property
    def own_images(self) -> int:
        """Return the number of images of this process in a full batch."""
        full = min(self.batch_size, len(self.images))
        return len(own_positions(full, full, self.rank, self.world_size))

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and labels (B,), or class weights (B, num_classes) of mixed images, from `first_step` on.

        Blocks always begin at the same steps, so that the memory of a batch is aligned as in an uninterrupted epoch.
        """
        own = own_positions(len(self.images), self.batch_size, self.rank, self.world_size)
        order = torch.from_numpy(permutation(self.seed, "order", epoch, len(self.images))[own]).to(self.images.home)
        for start in range(0, self.steps_per_epoch, self.steps_per_block):
            steps = range(start, min(start + self.steps_per_block, self.steps_per_epoch))
            first, end = np.searchsorted(own, [steps.start * self.batch_size, steps.stop * self.batch_size])
            if steps.stop > first_step:
                batches = self._block(order[first:end], epoch, own[first:end], steps)
                yield from batches[max(0, first_step - start) :]

    def _block(
        self, chosen: Tensor, epoch: int, positions: NDArray[np.int64], steps: range
    ) -> list[tuple[Tensor, Tensor]]:
        """Return the batches of these steps: the chosen images, by their positions in the epoch's order."""
        if not len(positions):
            return [self.images.none() for _ in steps]
        sizes = np.bincount(positions // self.batch_size - steps.start, minlength=len(steps)).tolist()
        augmenting, mixing = (position_numbers(self.seed, name, epoch, positions) for name in ("augment", "mix"))
        images, labels = self.images.batch(chosen)
        images = self.images.normalized(augment(images, self.data.augment, augmenting))
        if self.data.mix.mixup_alpha or self.data.mix.cutmix_alpha:
            mixed = draw_mixing(self.data.mix, images.shape[-2:], mixing)
            partners = to_device(mixing_partners(sizes), images.device)
            images = mixed_images(images, partners, mixed)
            labels = mixed_targets(labels, partners, mixed.shares, self.data.num_classes)
        return list(zip(torch.split(images, sizes), torch.split(labels, sizes), strict=True))


def own_positions(count: int, batch_size: int, rank: int, world_size: int) -> NDArray[np.int64]:
    """Return the positions in an epoch of `count` images that a process gets.

    It has its share of each batch. An image and its mixing partner stay together.
    """
    positions = np.arange(count)
    first = positions // batch_size * batch_size
    last = np.minimum(first + batch_size, count) - 1
    pairs = np.minimum(positions - first, last - positions)
    own: NDArray[np.int64] = positions[pairs % world_size == rank]
    return own


class Mixing(NamedTuple):
    """Weights (B,) of own pixels outside `boxes` (B, 4: top, left, height, width), and shares (B,) of own labels."""

    weights: Tensor
    boxes: Tensor
    shares: Tensor


def draw_mixing(spec: MixSpec, size: Sequence[int], numbers: RandomNumbers) -> Mixing:
    """Draw lambda from Beta(alpha, alpha); a box takes the share 1 - lambda of an image, minus what is outside."""
    sides = np.array(size)
    switch, whether, first, second, *center = numbers.uniforms(6).T
    both = spec.mixup_alpha > 0 and spec.cutmix_alpha > 0
    cut = switch < (spec.switch_probability if both else float(spec.cutmix_alpha > 0))
    alphas = np.where(cut, spec.cutmix_alpha, spec.mixup_alpha)
    lambdas = np.where(whether < spec.probability, symmetric_beta(alphas, first, second), 1.0)
    lengths = (sides * np.sqrt(1 - np.where(cut, lambdas, 1.0))[:, None]).astype(int)
    centers = (np.stack(center, axis=1) * sides).astype(int)
    starts = (centers - lengths // 2).clip(0, sides)
    lengths = (centers + (lengths + 1) // 2).clip(0, sides) - starts
    shares = np.where(cut, 1 - lengths.prod(1) / sides.prod(), lambdas)
    columns = (np.where(cut, 1.0, lambdas), np.concatenate([starts, lengths], axis=1), shares)
    return Mixing(*map(torch.from_numpy, columns))


def symmetric_beta(alphas: NDArray[np.float64], first: Uniforms, second: Uniforms) -> NDArray[np.float64]:
    """Draw from Beta(alpha, alpha) by two uniform numbers each, so that no number depends on rejected ones.

    Bailey's polar method gives Student's t with 2 alpha degrees of freedom, and t / sqrt(2 alpha + t**2) is
    2 Beta - 1 (L. Devroye, "Random variate generation in one line of code", 1996).
    """
    radius, cosine = first ** (1 / alphas), np.cos(2 * np.pi * second)
    return 0.5 + 0.5 * cosine * np.sqrt((1 - radius) / (radius + cosine**2 * (1 - radius)))


def mixing_partners(sizes: Sequence[int]) -> Tensor:
    """Return the partner (N,) of each image in batches of these sizes: the last one of its batch for the first one."""
    return torch.cat([batch.flip(0) for batch in torch.split(torch.arange(sum(sizes)), list(sizes))])


def mixed_images(images: Tensor, partners: Tensor, mixing: Mixing) -> Tensor:
    """Mix images (B, 3, H, W) with their partners."""
    weights = per_image(mixing.weights, images).masked_fill(in_boxes(mixing.boxes, images), 0)
    return images.index_select(0, partners).lerp(images, weights)


def mixed_targets(labels: Tensor, partners: Tensor, shares: Tensor, num_classes: int) -> Tensor:
    """Give `share` to an image's own class and the rest to its partner's: (B, num_classes), each row with the sum 1."""
    classes = torch.arange(num_classes, device=labels.device)
    own, partner = (each[:, None] == classes for each in (labels, labels.index_select(0, partners)))
    shares = to_device(shares.float(), labels.device)[:, None]
    return own * shares + partner * (1 - shares)
