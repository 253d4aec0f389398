"""Random rectangles of a given share of an image's area and of a given shape."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vitreport.data.augment.random_numbers import RandomNumbers
from vitreport.data.augment.sampling import per_image

TRIES = 10


def draw_lengths(
    scale: tuple[float, float], ratio: tuple[float, float], shape: Sequence[int], numbers: RandomNumbers
) -> tuple[Tensor, Tensor]:
    """Two sides (B, TRIES) of rectangles: the area uniform in `scale`, first / second log-uniform in `ratio`."""
    height, width = shape[-2:]
    areas = numbers.uniform(*scale, TRIES) * (height * width)
    ratios = numbers.uniform(math.log(ratio[0]), math.log(ratio[1]), TRIES).exp()
    return (areas * ratios).sqrt().round(), (areas / ratios).sqrt().round()


def first_fitting(sizes: Tensor, fits: Tensor) -> tuple[Tensor, Tensor]:
    """Of `sizes` (B, TRIES, 2) the first of each image for which `fits` (B, TRIES), and whether there is one."""
    return sizes[torch.arange(len(sizes)), fits.int().argmax(1)], fits.any(1)


def draw_offsets(sizes: Tensor, shape: Sequence[int], numbers: RandomNumbers) -> Tensor:
    """Top and left (B, 2) of rectangles of those heights and widths, every place in the image equally likely."""
    places = torch.tensor(shape[-2:]) - sizes + 1
    return (numbers.uniform(0, 1, 2) * places).floor()


def in_boxes(boxes: Tensor, images: Tensor) -> Tensor:
    """Which pixels lie in the `boxes` (B, 4) of top, left, height and width: (B, 1, H, W) of bool."""
    starts, lengths = boxes[:, :2], boxes[:, 2:]
    (top, left), (bottom, right) = per_image(starts, images).unbind(1), per_image(starts + lengths, images).unbind(1)
    row, column = (torch.arange(length, device=images.device) for length in images.shape[-2:])
    rows, columns = (row >= top) & (row < bottom), (column >= left) & (column < right)  # (B, 1, H) and (B, 1, W)
    return rows[..., None] & columns[..., None, :]
