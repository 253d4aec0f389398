"""Mixup and CutMix: each image of a batch with the one that is as far from the batch's end, in a share of its own.

The partners are those of timm (`images.flip(0)`), and so are the distributions, drawn for each image ("elem").
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitreport.data.augment.geometry import in_boxes
from vitreport.data.augment.sampling import RandomNumbers, Units, per_image
from vitreport.spec.augment import MixSpec


class Mixing(NamedTuple):
    """Weights (B,) of own pixels outside `boxes` (B, 4: top, left, height, width), and shares (B,) of own labels."""

    weights: Tensor
    boxes: Tensor
    shares: Tensor


def draw_mixing(spec: MixSpec, size: Sequence[int], numbers: RandomNumbers) -> Mixing:
    """Draw lambda from Beta(alpha, alpha); a box takes the share 1 - lambda of an image, minus what is outside."""
    sides = np.array(size)
    switch, whether, first, second, *centre = numbers.units(6).T
    both = spec.mixup_alpha > 0 and spec.cutmix_alpha > 0
    cut = switch < (spec.switch_probability if both else float(spec.cutmix_alpha > 0))
    alphas = np.where(cut, spec.cutmix_alpha, spec.mixup_alpha)
    lambdas = np.where(whether < spec.probability, symmetric_beta(alphas, first, second), 1.0)
    lengths = (sides * np.sqrt(1 - np.where(cut, lambdas, 1.0))[:, None]).astype(int)
    centers = (np.stack(centre, axis=1) * sides).astype(int)
    starts = (centers - lengths // 2).clip(0, sides)
    lengths = (centers + (lengths + 1) // 2).clip(0, sides) - starts
    shares = np.where(cut, 1 - lengths.prod(1) / sides.prod(), lambdas)
    columns = (np.where(cut, 1.0, lambdas), np.concatenate([starts, lengths], axis=1), shares)
    return Mixing(*map(torch.from_numpy, columns))


def symmetric_beta(alphas: NDArray[np.float64], first: Units, second: Units) -> NDArray[np.float64]:
    """Draw from Beta(alpha, alpha) by two uniform numbers each, so that no number depends on rejected ones.

    Bailey's polar method gives Student's t with 2 alpha degrees of freedom, and t / sqrt(2 alpha + t**2) is
    2 Beta - 1 (L. Devroye, "Random variate generation in one line of code", 1996).
    """
    radius, cosine = first ** (1 / alphas), np.cos(2 * np.pi * second)
    return 0.5 + 0.5 * cosine * np.sqrt((1 - radius) / (radius + cosine**2 * (1 - radius)))


def mixed_images(images: Tensor, mixing: Mixing) -> Tensor:
    """Mix images (B, 3, H, W) with their partners."""
    weights = per_image(mixing.weights, images).masked_fill(in_boxes(mixing.boxes, images), 0)
    return images.flip(0).lerp(images, weights)


def mixed_targets(labels: Tensor, shares: Tensor, num_classes: int) -> Tensor:
    """Give `share` to an image's own class and the rest to its partner's: (B, num_classes), each row with the sum 1."""
    classes = torch.arange(num_classes, device=labels.device)
    own, partner = (each[:, None] == classes for each in (labels, labels.flip(0)))
    shares = shares.to(labels.device, torch.float32, non_blocking=True)[:, None]
    return own * shares + partner * (1 - shares)
