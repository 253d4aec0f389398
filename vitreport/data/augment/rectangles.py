"""Random rectangles of a given share of an image's area and of a given shape, and random erasing."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from vitreport.data.augment.random_numbers import RandomNumbers
from vitreport.data.augment.sampling import SampledTransform, per_image
from vitreport.randomness import hashed
from vitreport.spec.augment import RandomErasingSpec

TRIES = 10


def draw_lengths(
    scale: tuple[float, float], ratio: tuple[float, float], shape: Sequence[int], numbers: RandomNumbers
) -> tuple[Tensor, Tensor]:
    """Draw two sides (B, TRIES) of rectangles: the area uniform in `scale`, first / second log-uniform in `ratio`."""
    height, width = shape[-2:]
    areas = numbers.uniform(*scale, TRIES) * (height * width)
    ratios = numbers.uniform(math.log(ratio[0]), math.log(ratio[1]), TRIES).exp()
    return (areas * ratios).sqrt().round(), (areas / ratios).sqrt().round()


def first_fitting(sizes: Tensor, fits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first of `sizes` (B, TRIES, 2) for which `fits` (B, TRIES), and whether there is one."""
    return sizes[torch.arange(len(sizes)), fits.int().argmax(1)], fits.any(1)


def draw_offsets(sizes: Tensor, shape: Sequence[int], numbers: RandomNumbers) -> Tensor:
    """Draw top and left (B, 2) of rectangles of these heights and widths; every place is equally likely."""
    places = torch.tensor(shape[-2:]) - sizes + 1
    return (numbers.uniform(0, 1, 2) * places).floor()


def in_boxes(boxes: Tensor, images: Tensor) -> Tensor:
    """Return which pixels lie in `boxes` (B, 4) of top, left, height and width: (B, 1, H, W) of bool."""
    starts, lengths = boxes[:, :2], boxes[:, 2:]
    (top, left), (bottom, right) = per_image(starts, images).unbind(1), per_image(starts + lengths, images).unbind(1)
    row, column = (torch.arange(length, device=images.device) for length in images.shape[-2:])
    rows, columns = (row >= top) & (row < bottom), (column >= left) & (column < right)  # (B, 1, H) and (B, 1, W)
    return rows[..., None] & columns[..., None, :]


def draw_random_erasing(spec: RandomErasingSpec, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    """Draw the first of ten rectangles that is smaller than the image on both sides, else none, as torchvision does."""
    erased = numbers.happens(spec.probability)
    lengths = torch.stack(draw_lengths(spec.scale, spec.ratio, shape, numbers), dim=2)
    sizes, found = first_fitting(lengths, (lengths < torch.tensor(shape[-2:])).all(2))
    sizes = sizes * (erased & found)[:, None]
    boxes = torch.cat([draw_offsets(sizes, shape, numbers), sizes], dim=1)
    return SampledTransform(partial(erase, noise=spec.value == "noise"), (boxes, numbers.seeds()))


def erase(images: Tensor, boxes: Tensor, seeds: Tensor, *, noise: bool) -> Tensor:
    """Make `boxes` (B, 4) of top, left, height and width black, or uniform noise by a hash of `seeds` (B, 2) and pixel.

    The device computes the noise: generators of the CPU and of a GPU would draw different numbers.
    """
    inside = in_boxes(boxes, images)
    if not noise:
        return images.masked_fill(inside, 0)
    pixels = torch.arange(images[0].numel(), device=images.device, dtype=torch.int32).view(1, *images.shape[1:])
    low, high = seeds.to(images.device, non_blocking=True)[..., None, None, None].unbind(1)
    uniform = (hashed(pixels, low, high) >> 8).to(images.dtype).mul_(2.0**-24).add_(0.5)
    return torch.where(inside, uniform, images)
