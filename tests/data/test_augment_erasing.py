"""Random erasing: rectangles as torchvision draws them, black or uniform noise."""

from typing import Any

import pytest
import torch
from scipy.stats import ks_2samp, kstest
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as torchvision

from tests.data.augmenting import SIZES, drawn, random_images
from vitreport.data.augment.color import erase
from vitreport.spec.augment import RandomErasingSpec


@pytest.mark.parametrize("size", SIZES)
def test_a_rectangle_is_erased_as_in_torchvision(size: tuple[int, int]) -> None:
    images = random_images(100, size=size)
    boxes, seeds = drawn(RandomErasingSpec(), len(images), size).parameters
    erased = erase(images, boxes, seeds, noise=False)
    for image, original, box in zip(erased, images, boxes.tolist(), strict=True):
        assert torch.equal(image, torchvision.erase(original, *map(int, box), torch.zeros(3, 1, 1)))


def test_noise_fills_the_same_pixels_with_uniform_values_of_their_own() -> None:
    images = random_images(60, size=(32, 32))
    boxes, seeds = drawn(RandomErasingSpec(probability=1.0), len(images), (32, 32)).parameters
    black, noise = (erase(images, boxes, seeds, noise=noise) for noise in (False, True))
    inside = (black == 0).all(1, keepdim=True).expand_as(images)
    assert torch.equal(noise[~inside], images[~inside])
    values = noise[inside]
    assert kstest(values.numpy(), "uniform").pvalue > 1e-3
    assert len(set(values.tolist())) > 0.99 * len(values)
    assert torch.stack([values[:-1], values[1:]]).corrcoef()[0, 1].abs() < 0.02


def torchvision_boxes(spec: RandomErasingSpec, count: int, size: tuple[int, int]) -> Tensor:
    """Top, left, height and width, without those that erase nothing."""
    transform: Any = v2.RandomErasing(1.0, spec.scale, spec.ratio)
    torch.manual_seed(0)
    draws = [transform.make_params([torch.empty(3, *size)]) for _ in range(count)]
    return torch.tensor([[draw[name] for name in "ijhw"] for draw in draws if draw["v"] is not None])


@pytest.mark.parametrize(
    ("size", "scale", "ratio"),
    [((16, 16), (0.02, 0.33), (0.3, 3.3)), ((9, 21), (0.2, 0.9), (0.5, 4.0))],
)
def test_rectangles_are_drawn_as_in_torchvision(
    size: tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float]
) -> None:
    spec = RandomErasingSpec(probability=1.0, scale=scale, ratio=ratio)
    boxes, _ = drawn(spec, 3000, size).parameters
    boxes = boxes[boxes[:, 2:].amin(1) > 0]
    expected = torchvision_boxes(spec, 3000, size)
    expected = expected[expected[:, 2:].amin(1) > 0]
    assert len(boxes) == pytest.approx(len(expected), abs=100)
    for ours, theirs in zip(boxes.T, expected.T, strict=True):
        assert ks_2samp(ours.numpy(), theirs.numpy(), method="asymp").pvalue > 1e-3


def test_a_rectangle_that_never_fits_erases_nothing() -> None:
    boxes, _ = drawn(RandomErasingSpec(probability=1.0, scale=(1.0, 1.0)), 100).parameters
    assert not boxes[:, 2:].any()


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_the_share_of_erased_images_is_the_probability(probability: float) -> None:
    boxes, _ = drawn(RandomErasingSpec(probability=probability), 10_000, (32, 32)).parameters
    erased = boxes[:, 2:].amin(1) > 0
    assert erased.float().mean().item() == pytest.approx(probability, abs=0.02 if 0 < probability < 1 else 0)
