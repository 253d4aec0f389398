"""Random erasing."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from vitreport.data.augment.drawn import Drawn, happens
from vitreport.data.augment.rectangles import draw_lengths, draw_offsets, first_fitting, in_boxes
from vitreport.spec.augment import RandomErasingSpec

LARGEST_SEED = 2**32


def draw_random_erasing(spec: RandomErasingSpec, shape: Sequence[int], generator: torch.Generator) -> Drawn:
    """The first of ten rectangles that is smaller than the image on both sides, else none, as torchvision draws it."""
    erased = happens(spec.probability, shape[0], generator)
    lengths = torch.stack(draw_lengths(spec.scale, spec.ratio, shape, generator), dim=2)
    sizes, found = first_fitting(lengths, (lengths < torch.tensor(shape[-2:])).all(2))
    sizes = sizes * (erased & found)[:, None]
    boxes = torch.cat([draw_offsets(sizes, shape, generator), sizes], dim=1)
    seeds = torch.randint(LARGEST_SEED, shape[:1], generator=generator)
    return Drawn(partial(erase, noise=spec.value == "noise"), (boxes, seeds))


def erase(images: Tensor, boxes: Tensor, seeds: Tensor, *, noise: bool) -> Tensor:
    """Make the `boxes` (B, 4) of top, left, height and width black, or noise that follows from `seeds` (B,)."""
    inside = in_boxes(boxes, images)
    if not noise:
        return images.masked_fill(inside, 0)
    return torch.where(inside, uniform_noise(seeds.to(images.device, non_blocking=True), images), images)


def uniform_noise(seeds: Tensor, images: Tensor) -> Tensor:
    """Values from [0, 1) of the shape of the images, each a hash of the image's seed (B,) and of its position.

    The device computes what generators on the CPU and on a GPU would draw differently; the hash is the finalizer of
    MurmurHash3 for 32 bits.
    """
    positions = torch.arange(images[0].numel(), device=images.device).view(1, *images.shape[1:])
    state = (positions * 0x9E3779B9 + seeds.view(-1, 1, 1, 1)) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = ((state ^ (state >> shift)) * factor) & 0xFFFFFFFF
    return (state ^ (state >> 16)).bitwise_right_shift(8).to(images.dtype) / 2**24
