"""Rectangles in images, and operations that move pixels. What comes from outside an image is black."""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from vitreport.data.augment.sampling import RandomNumbers, SampledTransform, Shape, per_image, to_device
from vitreport.spec import augment as specs

TRIES = 10


def draw_random_crop(spec: specs.RandomCropSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw how many pixels down and right each window moves: (B, 2), from -padding to padding."""
    return SampledTransform(shifted_crop, (numbers.integers(-spec.padding, spec.padding + 1, 2),))


def shifted_crop(images: Tensor, shifts: Tensor) -> Tensor:
    """Move the window of each image by `shifts` (B, 2) pixels down and right."""
    height, width = images.shape[-2:]
    padding = int(shifts.abs().max())
    padded = functional.pad(images, [padding] * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, 3, rows, columns, H, W), a view
    image = torch.arange(len(images))
    index = to_device(torch.stack([image, *(shifts + padding).unbind(1)]), images.device)
    return windows[index[0], :, index[1], index[2]]


def draw_random_rotation(spec: specs.RandomRotationSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw an angle for each image."""
    degrees = numbers.uniform(*spec.degrees, 1).squeeze(1)
    still = torch.zeros(len(degrees), 2)
    matrices = inverse_affine(-degrees, still, torch.ones(len(degrees)), still)
    return SampledTransform(partial(affine, interpolation=spec.interpolation), (matrices,))


def draw_random_affine(spec: specs.RandomAffineSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw an affine map for each image, with shifts of whole pixels."""
    height, width = shape[-2:]
    low, high = zip(spec.degrees, (-1.0, 1.0), (-1.0, 1.0), spec.scale, spec.shear, strict=True)
    drawn = numbers.uniform(low, high, len(low))
    degrees, *_, scales, shears_x = drawn.unbind(1)
    limits = torch.tensor([spec.translate[0] * width, spec.translate[1] * height])
    translations = (drawn[:, 1:3] * limits).round()
    shears = functional.pad(shears_x[:, None], [0, 1])
    matrices = inverse_affine(degrees, translations, scales, shears)
    return SampledTransform(partial(affine, interpolation=spec.interpolation), (matrices,))


def inverse_affine(
    degrees: Tensor, translations: Tensor, scales: Tensor, shears: Tensor, centers: Tensor | float = 0.0
) -> Tensor:
    """Return matrices (B, 2, 3) that lead from a pixel of the result to one of the image; x before y, from the center.

    The map that they invert is torchvision's: turn by `degrees` (B,) clockwise, zoom by `scales` (B,), shear by
    `shears` (B, 2) degrees, about `centers` (B, 2), then move by `translations` (B, 2) pixels.
    """
    angle, (shear_x, shear_y) = degrees.deg2rad(), shears.deg2rad().unbind(1)
    a = (angle - shear_y).cos() / shear_y.cos()
    c = (angle - shear_y).sin() / shear_y.cos()
    b, d = -(a * shear_x.tan() + angle.sin()), angle.cos() - c * shear_x.tan()
    turned = torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2) / scales.view(-1, 1, 1)
    offsets = centers - (turned * (centers + translations)[:, None]).sum(2)
    return torch.cat([turned, offsets[:, :, None]], dim=2)


def affine(images: Tensor, matrices: Tensor, *, interpolation: str) -> Tensor:
    """Take each pixel of the result from where `matrices` (B, 2, 3), in pixels from the center, lead."""
    height, width = images.shape[-2:]
    along_x, along_y, offsets = (matrices / torch.tensor([width / 2, height / 2])[:, None]).unbind(2)
    columns = (torch.arange(width) - (width - 1) / 2)[:, None] * along_x[:, None] + offsets[:, None]
    rows = (torch.arange(height) - (height - 1) / 2)[:, None] * along_y[:, None]
    return _sampled(images, rows, columns, interpolation)


def draw_resized_crop(spec: specs.RandomResizedCropSpec, shape: Shape, numbers: RandomNumbers) -> SampledTransform:
    """Draw the first of ten windows that fits into the image, else the largest in its center, as torchvision does."""
    height, width = shape[-2:]
    limits = torch.tensor([height, width])
    sides = draw_sides(spec, shape, numbers).flip(2)  # the ratio is width / height
    sizes, found = first_fitting(sides, (sides > 0) & (sides <= limits))
    ratio = min(max(width / height, spec.ratio[0]), spec.ratio[1])
    largest = torch.tensor([min(height, round(width / ratio)), min(width, round(height * ratio))]).double()
    offsets = draw_offsets(sizes, shape, numbers)
    centered = ((limits - largest) / 2).floor()
    sizes, offsets = (torch.where(found[:, None], *pair) for pair in ((sizes, largest), (offsets, centered)))
    return SampledTransform(resized_crop, (torch.cat([offsets, sizes], dim=1),))


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Resize (bilinear) the `boxes` (B, 4) of top, left, height and width to the size of the images."""
    rows, columns = (
        _positions(boxes[:, side, None], boxes[:, side + 2, None], length)
        for side, length in enumerate(images.shape[-2:])
    )
    rows, columns = (torch.stack(pair, 2) for pair in ((rows * 0, rows), (columns, columns * 0)))
    return _sampled(images, rows, columns, "bilinear")


def _positions(starts: Tensor, lengths: Tensor, count: int) -> Tensor:
    """Spread `count` pixels evenly over intervals (B, 1), between their first and last pixel; -1 to 1 is an image."""
    positions = (torch.arange(count) + 0.5) / count * lengths - 0.5
    return (positions.clamp(min=0).minimum(lengths - 1) + starts).mul(2).add(1).div(count).sub(1)


def _sampled(images: Tensor, rows: Tensor, columns: Tensor, interpolation: str) -> Tensor:
    """Take the pixel (i, j) of each result from rows[:, i] + columns[:, j], where an image reaches from -1 to 1.

    `rows` (B, H, 2) and `columns` (B, W, 2) hold x before y, in float64 on the CPU.
    """
    # all x before all y in memory, so that a CPU adds and reads several of them at a time
    rows, columns = (values.to(images.dtype).transpose(1, 2).contiguous() for values in (rows, columns))
    places = to_device(rows, images.device).unsqueeze(3) + to_device(columns, images.device).unsqueeze(2)
    grid = places.permute(0, 2, 3, 1)
    sampled = functional.grid_sample(images, grid, mode=interpolation, padding_mode="zeros", align_corners=False)
    if interpolation == "nearest":
        return sampled
    return sampled.clamp_(0, 1)  # the weights of four pixels can add up to a little more than 1


def draw_sides(
    spec: specs.RandomResizedCropSpec | specs.RandomErasingSpec, shape: Shape, numbers: RandomNumbers
) -> Tensor:
    """Draw sides (B, TRIES, 2) of rectangles: the area uniform in `scale`, first / second log-uniform in `ratio`."""
    areas = numbers.uniform(*spec.scale, TRIES) * math.prod(shape[-2:])
    ratios = numbers.uniform(math.log(spec.ratio[0]), math.log(spec.ratio[1]), TRIES).exp()
    return torch.stack([areas * ratios, areas / ratios], dim=2).sqrt().round()


def first_fitting(sizes: Tensor, fits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first of `sizes` (B, TRIES, 2) with both sides in `fits`, and whether there is one."""
    both = fits.all(2)
    return sizes[torch.arange(len(sizes)), both.int().argmax(1)], both.any(1)


def draw_offsets(sizes: Tensor, shape: Shape, numbers: RandomNumbers) -> Tensor:
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
