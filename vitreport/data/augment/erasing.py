"""Random erasing."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from vitreport.data.augment.random_numbers import RandomNumbers
from vitreport.data.augment.rectangles import draw_lengths, draw_offsets, first_fitting, in_boxes
from vitreport.data.augment.sampling import SampledTransform
from vitreport.randomness import hashed
from vitreport.spec.augment import RandomErasingSpec


def draw_random_erasing(spec: RandomErasingSpec, shape: Sequence[int], numbers: RandomNumbers) -> SampledTransform:
    """The first of ten rectangles that is smaller than the image on both sides, else none, as torchvision draws it."""
    erased = numbers.happens(spec.probability)
    lengths = torch.stack(draw_lengths(spec.scale, spec.ratio, shape, numbers), dim=2)
    sizes, found = first_fitting(lengths, (lengths < torch.tensor(shape[-2:])).all(2))
    sizes = sizes * (erased & found)[:, None]
    boxes = torch.cat([draw_offsets(sizes, shape, numbers), sizes], dim=1)
    return SampledTransform(partial(erase, noise=spec.value == "noise"), (boxes, numbers.seeds()))


def erase(images: Tensor, boxes: Tensor, seeds: Tensor, *, noise: bool) -> Tensor:
    """Make the `boxes` (B, 4) of top, left, height and width black, or noise that follows from `seeds` (B, 2)."""
    inside = in_boxes(boxes, images)
    if not noise:
        return images.masked_fill(inside, 0)
    return torch.where(inside, uniform_noise(seeds.to(images.device, non_blocking=True), images), images)


def uniform_noise(seeds: Tensor, images: Tensor) -> Tensor:
    """Sampler values from [0, 1) of the shape of the images, by hash of an image's seeds (B, 2) and of the pixel.

    The device computes them: generators of the CPU and of a GPU would draw different ones.
    """
    pixels = torch.arange(images[0].numel(), device=images.device, dtype=torch.int32).view(1, *images.shape[1:])
    low, high = seeds[..., None, None, None].unbind(1)
    words = hashed(pixels, low, high)
    return (words >> 8).to(images.dtype).mul_(2.0**-24).add_(0.5)
