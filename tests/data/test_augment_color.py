"""Operations on colours: equal to torchvision image by image, drawn as stated."""

from collections.abc import Callable
from itertools import permutations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as torchvision

from tests.data.augmenting import (
    SIZES,
    assert_close,
    drawn,
    not_contiguous,
    one_by_one,
    random_images,
    shares,
    telling_images,
)
from vitreport.data.augment.color import (
    ADJUSTMENTS,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    counted_up_to,
    equalize,
    posterize,
    searched_up_to,
    solarize,
)
from vitreport.data.augment.sampling import PerImageOperations, SampledTransform
from vitreport.spec.augment import AutocontrastSpec, ColorJitterSpec, EqualizeSpec, SharpnessSpec

JITTER = ColorJitterSpec(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.25)
REFERENCE: list[Callable[[Tensor, float], Tensor]] = [
    torchvision.adjust_brightness,
    torchvision.adjust_contrast,
    torchvision.adjust_saturation,
    torchvision.adjust_hue,
]


FACTORS = st.one_of(st.sampled_from([0.0, 1e-6, 0.5, 1.0, 2.0, 11.0]), st.floats(0, 11, width=32))
SHIFTS = st.one_of(st.sampled_from([k / 12 for k in range(-6, 7)]), st.floats(-0.5, 0.5, width=32))


@pytest.mark.parametrize(
    ("adjust", "reference"),
    [
        (adjust_brightness, torchvision.adjust_brightness),
        (adjust_contrast, torchvision.adjust_contrast),
        (adjust_saturation, torchvision.adjust_saturation),
        (adjust_sharpness, torchvision.adjust_sharpness),
    ],
)
@settings(max_examples=20)
@given(factor=FACTORS)
def test_a_factor_acts_as_in_torchvision(
    adjust: Callable[..., Tensor], reference: Callable[..., Tensor], factor: float
) -> None:
    images = telling_images()
    factors = torch.linspace(0, 2, len(images)).index_fill(0, torch.arange(0, len(images), 2), factor)
    assert_close(adjust(images, factors), one_by_one(reference, images, factors))


@settings(max_examples=25)
@given(shift=SHIFTS, seed=st.integers(0, 1000))
@example(shift=0.5, seed=0)
@example(shift=-0.5, seed=0)
def test_hue_turns_as_in_torchvision(shift: float, seed: int) -> None:
    images = torch.cat([telling_images(), random_images(8, seed), random_images(8, seed).mul(4).round().div(4)])
    shifts = torch.linspace(-0.5, 0.5, len(images)).index_fill(0, torch.arange(0, len(images), 2), shift)
    assert_close(adjust_hue(images, shifts), one_by_one(torchvision.adjust_hue, images, shifts))


def drawn_factors(spec: ColorJitterSpec, count: int) -> Tensor:
    """Those of brightness, contrast, saturation and hue (B, 4)."""
    apply = drawn(spec, count).apply
    assert isinstance(apply, PerImageOperations)
    return torch.stack([values for adjustment in apply.operations for values in adjustment.parameters], dim=1)


def jittered(images: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    adjustments = [SampledTransform(adjust, (own,)) for adjust, own in zip(ADJUSTMENTS, factors.unbind(1), strict=True)]
    return PerImageOperations(adjustments)(images, order, torch.arange(len(order))[:, None].expand_as(order))


@pytest.mark.parametrize("active", [(0, 1, 2, 3), (0, 3), (1, 2, 3), (2,)])
def test_each_image_is_jittered_in_its_own_order(active: tuple[int, ...]) -> None:
    order = torch.tensor(list(permutations(active)) * 2)
    images = random_images(len(order))
    factors = drawn_factors(JITTER, len(order))
    expected = []
    for image, own_factors, own_order in zip(images, factors.tolist(), order.tolist(), strict=True):
        for position in own_order:
            image = REFERENCE[position](image, own_factors[position])
        expected.append(image)
    assert_close(jittered(images, factors, order), torch.stack(expected))


def test_the_order_of_jitter_matters() -> None:
    images, factors = random_images(1), torch.tensor([[1.0, 1.5, 0.2, 0.25]])
    forth, back = (jittered(images, factors, torch.tensor([order])) for order in [[2, 3], [3, 2]])
    assert (forth - back).abs().max() > 0.01


def test_jitter_factors_are_uniform_over_their_range() -> None:
    spec = ColorJitterSpec(brightness=0.5, contrast=0.2, saturation=3.0, hue=0.25)
    factors = drawn_factors(spec, 20_000)
    ranges = [(0.5, 1.5), (0.8, 1.2), (0.0, 4.0), (-0.25, 0.25)]
    for values, (low, high) in zip(factors.unbind(1), ranges, strict=True):
        uniform = (values - low) / (high - low)
        assert uniform.min().item() == pytest.approx(0, abs=1e-3)
        assert uniform.max().item() == pytest.approx(1, abs=1e-3)
        assert shares((10 * uniform).long().clamp(0, 9)[:, None]) == pytest.approx([0.1] * 10, rel=0.12)


def test_jitter_factors_are_independent_of_each_other() -> None:
    factors = drawn_factors(JITTER, 20_000)
    torch.testing.assert_close(factors.T.corrcoef(), torch.eye(4), rtol=0, atol=0.04)


def test_every_order_of_jitter_is_equally_likely() -> None:
    order, _ = drawn(JITTER, 24_000).parameters
    assert shares(order) == pytest.approx([1 / 24] * 24, rel=0.16)


def test_what_has_no_strength_is_left_out_of_the_order() -> None:
    order, _ = drawn(ColorJitterSpec(brightness=0.5, hue=0.25), 1000).parameters
    assert {tuple(row) for row in order.tolist()} == {(0, 3), (3, 0)}


IMAGES = pytest.mark.parametrize("images", [*map(telling_images, SIZES), not_contiguous(telling_images())])
PLAIN: list[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = [
    (autocontrast, torchvision.autocontrast),
    (equalize, torchvision.equalize),
]


@IMAGES
@pytest.mark.parametrize(("operation", "reference"), PLAIN)
def test_an_operation_without_parameters_acts_as_in_torchvision(
    operation: Callable[[Tensor], Tensor], reference: Callable[[Tensor], Tensor], images: Tensor
) -> None:
    assert_close(operation(images), torch.stack([reference(image) for image in images]), atol=1e-6)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), levels=st.sampled_from([2, 5, 40, 256]), side=st.integers(3, 48))
def test_equalize_gives_the_levels_that_torchvision_gives_to_uint8(seed: int, levels: int, side: int) -> None:
    stored = random_images(2, seed, (side, side)).pow(1 + seed % 3).mul(levels - 1).round().mul(255 // (levels - 1))
    stored = stored.to(torch.uint8)
    assert torch.equal(equalize(stored / 255).mul(255).round().to(torch.uint8), torchvision.equalize(stored))


@pytest.mark.parametrize("levels", [1, 2, 40, 256])
def test_pixels_are_counted_on_a_gpu_as_on_a_cpu(levels: int) -> None:
    pixels = random_images(4, levels, (9, 9)).mul(levels).long().flatten(2)
    expected = (pixels[..., None] <= torch.arange(256)).sum(2)
    assert torch.equal(counted_up_to(pixels), expected)
    assert torch.equal(searched_up_to(pixels), expected)


@IMAGES
def test_posterize_keeps_the_levels_of_torchvision(images: Tensor) -> None:
    bits = torch.arange(len(images)) % 9
    expected = torch.stack([torchvision.posterize(image, int(bit)) for image, bit in zip(images, bits, strict=True)])
    assert_close(posterize(images, bits), expected, atol=1e-6)


@IMAGES
def test_solarize_inverts_what_torchvision_inverts(images: Tensor) -> None:
    thresholds = torch.linspace(0, 1, len(images))
    assert_close(solarize(images, thresholds), one_by_one(torchvision.solarize, images, thresholds), atol=1e-6)


@pytest.mark.parametrize("size", [(3, 3), (2, 5), (1, 1), *SIZES])
def test_sharpness_acts_as_in_torchvision_at_any_size(size: tuple[int, int]) -> None:
    images, factors = random_images(9, size=size), torch.linspace(0, 3, 9)
    assert_close(adjust_sharpness(images, factors), one_by_one(torchvision.adjust_sharpness, images, factors), 1e-6)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", [SharpnessSpec, AutocontrastSpec, EqualizeSpec])
def test_only_the_chosen_images_change(
    kind: type[SharpnessSpec | AutocontrastSpec | EqualizeSpec], probability: float
) -> None:
    images = random_images(1000).mul(0.5)
    apply, parameters = drawn(kind(probability=probability), len(images))
    changed = (apply(images, *parameters) != images).flatten(1).any(1)
    assert torch.equal(changed, parameters[0][:, 0] == 0)
    assert changed.float().mean().item() == pytest.approx(probability, abs=0.05 if 0 < probability < 1 else 0)
