"""Augmentation of whole batches on the device, each image with parameters of its own.

Every operation is a pair of functions. `draw` makes the parameters on the CPU: a tuple of tensors whose first
dimension counts the images. `apply` gives the changed images for any such parameters and leaves its input alone.
Because the parameters stay on the CPU until they are used, it is known there which images an operation concerns,
and the device is never waited for.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vitreport.spec.data import AugmentSpec, ColorJitterSpec, HorizontalFlipSpec, RandomCropSpec

Parameters = tuple[Tensor, ...]
Draw = Callable[[Any, int, torch.Generator], Parameters]
Apply = Callable[..., Tensor]


class Operation(NamedTuple):
    """`draw(spec, count, generator)` gives the parameters of `count` images; `apply(images, *parameters)` uses them."""

    draw: Draw
    apply: Apply


def augment(images: Tensor, operations: Sequence[AugmentSpec], generator: torch.Generator) -> Tensor:
    """Apply the operations in the given order to float images (B, 3, H, W) in [0, 1]; `generator` lives on the CPU."""
    for spec in operations:
        draw, apply = operation_of(spec)
        images = apply(images, *draw(spec, len(images), generator))
    return images


def operation_of(spec: object) -> Operation:
    """The two functions that carry out a spec."""
    if type(spec) not in OPERATIONS:
        raise NotImplementedError(f"no augmentation is written for {type(spec).__name__}")
    return OPERATIONS[type(spec)]


def apply_in_turn(images: Tensor, turns: Tensor, operations: Sequence[tuple[Apply, Parameters]]) -> Tensor:
    """Apply to each image operations of its own, in an order of its own.

    `turns` (B, K) on the CPU holds, for each image and each of K turns, the position of an operation in `operations`.
    Each operation comes with the parameters of all B images and is called once a turn, on the images whose turn it is.
    """
    rows = torch.arange(len(images))  # which image lies at each place
    for turn in turns.unbind(dim=1):
        order = turn[rows].argsort(stable=True)
        images, rows = _take(images, order), rows[order]
        sizes = turn.bincount(minlength=len(operations)).tolist()
        changed = [
            apply(group, *(values[members] for values in parameters))
            for group, members, (apply, parameters) in zip(
                images.split_with_sizes(sizes), rows.split_with_sizes(sizes), operations, strict=True
            )
            if len(group)
        ]
        images = torch.cat(changed)
    return _take(images, rows.argsort())


def draw_horizontal_flip(spec: HorizontalFlipSpec, count: int, generator: torch.Generator) -> Parameters:
    """For each image, whether it is mirrored: (B,) of bool."""
    return (torch.rand(count, generator=generator) < spec.probability,)


def horizontal_flip(images: Tensor, flipped: Tensor) -> Tensor:
    """Mirror left and right the images for which `flipped` (B,) is true."""
    return images.lerp(images.flip(-1), _per_image(flipped, images))  # exact: the weights are 0 and 1


def draw_random_crop(spec: RandomCropSpec, count: int, generator: torch.Generator) -> Parameters:
    """For each image, how many pixels down and right its window moves: (B, 2), from -padding to padding."""
    return (torch.randint(-spec.padding, spec.padding + 1, (count, 2), generator=generator),)


def shifted_crop(images: Tensor, shifts: Tensor) -> Tensor:
    """Move the window of each image by `shifts` (B, 2) pixels down and right; what lies outside the image is black."""
    height, width = images.shape[-2:]
    padding = int(shifts.abs().max())
    padded = functional.pad(images, [padding] * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, 3, rows, columns, H, W), a view
    image = torch.arange(len(images))
    index = torch.stack([image, *(shifts + padding).unbind(1)]).to(images.device, non_blocking=True)
    return windows[index[0], :, index[1], index[2]]


def draw_color_jitter(spec: ColorJitterSpec, count: int, generator: torch.Generator) -> Parameters:
    """Factors (B, 4) of brightness, contrast, saturation and hue, and the order (B, K) of those with a strength."""
    bounds = [(max(0.0, 1 - strength), 1 + strength) for strength in (spec.brightness, spec.contrast, spec.saturation)]
    bounds.append((-spec.hue, spec.hue))
    factors = [torch.empty(count).uniform_(low, high, generator=generator) for low, high in bounds]
    active = torch.tensor([i for i, (low, high) in enumerate(bounds) if low < high], dtype=torch.long)
    order = torch.rand(count, len(active), generator=generator).argsort(dim=1)
    return torch.stack(factors, dim=1), active[order]


def color_jitter(images: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    """Adjust each image by its `factors` (B, 4), in its `order` (B, K) of positions in `ADJUSTMENTS`."""
    operations = [(adjust, (values,)) for adjust, values in zip(ADJUSTMENTS, factors.unbind(1), strict=True)]
    return apply_in_turn(images, order, operations)


def adjust_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """`factor * image`, clamped to [0, 1], with `factors` (B,)."""
    return images.mul(_per_image(factors, images)).clamp_(0, 1)


def adjust_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Blend each image with the mean of its grayscale: a factor (B,) of 0 leaves the mean, 1 the image."""
    return _blend(_grayscale(images).mean(dim=(-2, -1), keepdim=True), images, factors)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Blend each image with its grayscale: a factor (B,) of 0 leaves the grayscale, 1 the image."""
    return _blend(_grayscale(images), images, factors)


def adjust_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the hue of each image by `shifts` (B,), where 1 is the whole circle; value and saturation stay.

    The result is that of going to HSV and back, without branches. Let m and M be the smallest and the largest channel
    and C = M - m. A colour's distance to red on the circle is (1 + (G + B - R - m) / C) / 6, on green's side where
    G > B. After the turn, a channel whose primary lies at distance d is M - C clamp(6d - 1, 0, 1).
    """
    red, green, blue = images.unbind(dim=1)
    smallest, largest = images.amin(dim=1), images.amax(dim=1)
    chroma = largest - smallest
    sixfold = (6 * chroma).clamp_(min=torch.finfo(images.dtype).tiny)
    hue = (green + blue).sub_(red).sub_(smallest).div_(sixfold).add_(1 / 6).copysign_(green - blue)
    turn = shifts[:, None] - torch.tensor([0, 1 / 3, 2 / 3])  # of red, green and blue
    distance = hue.unsqueeze(1) + _per_image(turn, images)
    distance.sub_(distance.round()).abs_().mul_(6).sub_(1).clamp_(0, 1)
    return torch.addcmul(largest.unsqueeze(1), distance, chroma.unsqueeze(1), value=-1, out=distance)


ADJUSTMENTS = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)

OPERATIONS: dict[type, Operation] = {
    HorizontalFlipSpec: Operation(draw_horizontal_flip, horizontal_flip),
    RandomCropSpec: Operation(draw_random_crop, shifted_crop),
    ColorJitterSpec: Operation(draw_color_jitter, color_jitter),
}


def _take(images: Tensor, rows: Tensor) -> Tensor:
    return images.index_select(0, rows.to(images.device, non_blocking=True))


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    """Values (B,) or (B, 3) on the device of the images, shaped to broadcast over their pixels."""
    return values.to(images.device, images.dtype, non_blocking=True).view(len(images), -1, 1, 1)


def _grayscale(images: Tensor) -> Tensor:
    """Luma (B, 1, H, W) with the weights of ITU-R BT.601, rounded as torchvision rounds them."""
    red, green, blue = images.chunk(3, dim=1)
    return red.mul(0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def _blend(other: Tensor, images: Tensor, factors: Tensor) -> Tensor:
    weights = _per_image(factors, images)
    return images.mul(weights).add_(other * (1 - weights)).clamp_(0, 1)
