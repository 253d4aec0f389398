"""Operations that change colors, or erase, and leave every pixel where it is."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from vitreport.data.augment.geometry import draw_offsets, draw_sides, first_fitting, in_boxes
from vitreport.data.augment.sampling import (
    PerImageOperations,
    RandomNumbers,
    SampledTransform,
    Shape,
    per_image,
    to_device,
)
from vitreport.randomness import hashed
from vitreport.spec.augment import ColorJitterSpec, RandomErasingSpec

LEVELS = 256


def draw_color_jitter(spec: ColorJitterSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw factors of the adjustments that have a strength, and their order, for each image."""
    strengths = (spec.brightness, spec.contrast, spec.saturation)
    low = [*(max(0.0, 1 - strength) for strength in strengths), -spec.hue]
    high = [*(1 + strength for strength in strengths), spec.hue]
    factors = numbers.uniform(low, high, len(low)).float().unbind(1)
    active = torch.tensor([i for i in range(len(low)) if low[i] < high[i]], dtype=torch.long)
    order = active[torch.from_numpy(numbers.uniforms(len(active)).argsort(axis=1, kind="stable"))]
    adjustments = [SampledTransform(adjust, (values,)) for adjust, values in zip(ADJUSTMENTS, factors, strict=True)]
    return SampledTransform(
        PerImageOperations(adjustments), (order, torch.arange(len(order))[:, None].expand_as(order))
    )


def adjust_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Return `factor * image`, clamped to [0, 1], with `factors` (B,)."""
    return images.mul(per_image(factors, images)).clamp_(0, 1)


def adjust_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Blend each image with the mean of its grayscale: a factor (B,) of 0 leaves the mean, 1 the image."""
    # Row by row, since torch splits one long sum among its threads where the image is alone in the batch.
    means = _grayscale(images).mean(dim=-1, keepdim=True).mean(dim=-2, keepdim=True)
    return _blend(means, images, factors)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Blend each image with its grayscale: a factor (B,) of 0 leaves the grayscale, 1 the image."""
    return _blend(_grayscale(images), images, factors)


def adjust_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the hue of each image by `shifts` (B,), where 1 is the whole circle; value and saturation stay.

    The result is that of going to HSV and back, without branches. Let m and M be the smallest and the largest channel
    and C = M - m. A color's distance to red on the circle is (1 + (G + B - R - m) / C) / 6, on green's side where
    G > B. After the turn, a channel whose primary is at distance d is M - C clamp(6d - 1, 0, 1).
    """
    red, green, blue = images.unbind(dim=1)
    smallest, largest = images.amin(dim=1), images.amax(dim=1)
    chroma = largest - smallest
    sixfold = (6 * chroma).clamp_(min=torch.finfo(images.dtype).tiny)
    hue = (green + blue).sub_(red).sub_(smallest).div_(sixfold).add_(1 / 6).copysign_(green - blue)
    turn = shifts[:, None] - torch.tensor([0, 1 / 3, 2 / 3])  # of red, green and blue
    distance = hue.unsqueeze(1) + per_image(turn, images)
    distance.sub_(distance.round()).abs_().mul_(6).sub_(1).clamp_(0, 1)
    return torch.addcmul(largest.unsqueeze(1), distance, chroma.unsqueeze(1), value=-1, out=distance)


def adjust_sharpness(images: Tensor, factors: Tensor) -> Tensor:
    """Blend each image with a smoothed one (a pixel counts 5, its neighbours 1) by a factor (B,); borders stay."""
    center = images[..., 1:-1, 1:-1]
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    smoothed = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]).add_(center, alpha=4).div_(13)
    result = images.clone()
    result[..., 1:-1, 1:-1] = smoothed.lerp_(center, per_image(factors, images)).clamp_(0, 1)
    return result


def autocontrast(images: Tensor) -> Tensor:
    """Stretch each channel from its smallest and largest value to 0 and 1; a plain one stays."""
    smallest, largest = images.amin((-2, -1), keepdim=True), images.amax((-2, -1), keepdim=True)
    plain = smallest == largest
    return (images - smallest.masked_fill(plain, 0)).div_((largest - smallest).masked_fill_(plain, 1)).clamp_(0, 1)


def equalize(images: Tensor) -> Tensor:
    """Equalize the histogram of each channel by Pillow's rule, in 256 levels: (h + s // 2) // s, unless s is 0.

    h is the cumulative histogram below a level, s the number of pixels below the largest level, divided by 255.
    """
    levels = images.mul(LEVELS - 1e-3).to(torch.uint8).flatten(2).long()
    cumulative = (counted_up_to if levels.device.type == "cpu" else searched_up_to)(levels)
    below = functional.pad(cumulative[..., :-1], [1, 0])
    below_largest = cumulative.where(cumulative < levels.shape[2], 0).amax(2, keepdim=True)
    step = below_largest // (LEVELS - 1)
    table = (below + step // 2).div_(step.clamp(min=1), rounding_mode="floor").clamp_(max=LEVELS - 1)
    table = torch.where(step > 0, table, torch.arange(LEVELS, device=images.device))
    return table.to(images.dtype).div_(LEVELS - 1).gather(2, levels).view_as(images)


def counted_up_to(levels: Tensor) -> Tensor:
    """Count the pixels (B, 3, N) of int64 up to each of the levels (B, 3, 256). This is fast on a CPU."""
    histogram = levels.new_zeros(*levels.shape[:2], LEVELS).scatter_add_(2, levels, torch.ones_like(levels))
    return histogram.cumsum(2)


def searched_up_to(levels: Tensor) -> Tensor:
    """Count the same on a GPU. A deterministic scatter_add_ sorts pairs of all pixels there, which is slow."""
    wanted = torch.arange(LEVELS, device=levels.device, dtype=torch.int32).repeat(*levels.shape[:2], 1)
    return torch.searchsorted(levels.int().sort(2).values, wanted, right=True)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep as many levels as `bits` (B,) tell apart."""
    levels = per_image(bits, images).exp2()
    return (images * levels).floor_().minimum(levels - 1) / levels


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Invert the values that reach a threshold (B,)."""
    return torch.where(images >= per_image(thresholds, images), 1 - images, images)


ADJUSTMENTS = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)


def _grayscale(images: Tensor) -> Tensor:
    """Return luma (B, 1, H, W) with the weights of ITU-R BT.601, rounded as torchvision rounds them."""
    red, green, blue = images.chunk(3, dim=1)
    return red.mul(0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def _blend(other: Tensor, images: Tensor, factors: Tensor) -> Tensor:
    weights = per_image(factors, images)
    return images.mul(weights).add_(other * (1 - weights)).clamp_(0, 1)


def draw_random_erasing(spec: RandomErasingSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw the first of ten rectangles that is smaller than the image on both sides, else none, as torchvision does."""
    erased = numbers.happens(spec.probability)
    sides = draw_sides(spec, shape, numbers)
    sizes, found = first_fitting(sides, sides < torch.tensor(shape[-2:]))
    sizes = sizes * (erased & found)[:, None]
    boxes = torch.cat([draw_offsets(sizes, shape, numbers), sizes], dim=1)
    return SampledTransform(partial(erase, noise=spec.value == "noise"), (boxes, numbers.seeds()))


def erase(images: Tensor, boxes: Tensor, seeds: Tensor, *, noise: bool) -> Tensor:
    """Make `boxes` (B, 4) of top, left, height and width black, or noise that follows from `seeds` (B, 2)."""
    inside = in_boxes(boxes, images)
    if not noise:
        return images.masked_fill(inside, 0)
    pixels = torch.arange(images[0].numel(), device=images.device, dtype=torch.int32).view(1, *images.shape[1:])
    low, high = to_device(seeds, images.device)[..., None, None, None].unbind(1)
    uniform = (hashed(pixels, low, high) >> 8).to(images.dtype).mul_(2.0**-24).add_(0.5)
    return torch.where(inside, uniform, images)
