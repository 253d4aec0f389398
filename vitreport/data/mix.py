"""Mixup and CutMix: each image of a batch with the one that stands as far from the batch's end, in a share of its own.

The partners are those of timm (`images.flip(0)`), and so are the distributions, drawn for each image ("elem").
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitreport.data.augment.drawn import per_image
from vitreport.data.augment.rectangles import in_boxes
from vitreport.spec.augment import MixSpec


class Mixing(NamedTuple):
    """Of each image: the weight (B,) of its own pixels outside its box (B, 4), inside of which are its partner's.

    `boxes` hold top, left, height and width; `shares` (B,) are the weights of the images' own labels.
    """

    weights: Tensor
    boxes: Tensor
    shares: Tensor


def mix(
    images: Tensor, labels: Tensor, spec: MixSpec, num_classes: int, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """The mixed images (B, 3, H, W), and the weights of their classes (B, num_classes) instead of labels (B,)."""
    mixing = draw_mixing(spec, images.shape, generator)
    return mixed_images(images, mixing), mixed_targets(labels, mixing.shares, num_classes)


def draw_mixing(spec: MixSpec, shape: Sequence[int], generator: np.random.Generator) -> Mixing:
    """With lambda from Beta(alpha, alpha), a box takes a share 1 - lambda of an image, less what it juts out."""
    count, size = shape[0], np.array(shape[-2:])
    cut = generator.random(count) < _cutmix_probability(spec)
    alphas = np.where(cut, spec.cutmix_alpha, spec.mixup_alpha)
    lambdas = np.where(generator.random(count) < spec.probability, generator.beta(alphas, alphas), 1.0)
    lengths = (size * np.sqrt(1 - np.where(cut, lambdas, 1.0))[:, None]).astype(int)
    centers = generator.integers(0, size, (count, 2))
    starts = (centers - lengths // 2).clip(0, size)
    lengths = (centers + (lengths + 1) // 2).clip(0, size) - starts
    shares = np.where(cut, 1 - lengths.prod(1) / size.prod(), lambdas)
    columns = (np.where(cut, 1.0, lambdas), np.concatenate([starts, lengths], axis=1), shares)
    return Mixing(*map(torch.from_numpy, columns))


def mixed_images(images: Tensor, mixing: Mixing) -> Tensor:
    weights = per_image(mixing.weights, images).masked_fill(in_boxes(mixing.boxes, images), 0)
    return images.flip(0).lerp(images, weights)


def mixed_targets(labels: Tensor, shares: Tensor, num_classes: int) -> Tensor:
    """`share` for an image's own class and the rest for its partner's: (B, num_classes), each row with the sum 1."""
    classes = torch.arange(num_classes, device=labels.device)
    own, partner = (each[:, None] == classes for each in (labels, labels.flip(0)))
    shares = shares.to(labels.device, torch.float32, non_blocking=True)[:, None]
    return own * shares + partner * (1 - shares)


def _cutmix_probability(spec: MixSpec) -> float:
    if spec.mixup_alpha == 0:
        return 1.0
    return spec.switch_probability if spec.cutmix_alpha > 0 else 0.0
