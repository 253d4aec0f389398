"""Augmentation: equal to torchvision image by image, drawn as stated, repeatable, and never waiting for the device."""

from collections import Counter
from collections.abc import Callable
from itertools import permutations
from typing import Any, get_args

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as torchvision

from vitreport.data.augment import (
    OPERATIONS,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    apply_in_turn,
    augment,
    color_jitter,
    draw_color_jitter,
    draw_horizontal_flip,
    draw_random_crop,
    horizontal_flip,
    shifted_crop,
)
from vitreport.spec.data import AugmentSpec, ColorJitterSpec, HorizontalFlipSpec, RandomCropSpec
from vitreport.spec.section import Section

HEIGHT, WIDTH = 6, 10
FLIP, CROP = HorizontalFlipSpec(), RandomCropSpec(padding=2)
JITTER = ColorJitterSpec(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.25)
SPECS = [
    FLIP,
    CROP,
    JITTER,
    ColorJitterSpec(),
    ColorJitterSpec(brightness=0.5, hue=0.25),
    ColorJitterSpec(brightness=10.0, contrast=10.0, saturation=10.0, hue=0.5),
]
REFERENCE: list[Callable[[Tensor, float], Tensor]] = [
    torchvision.adjust_brightness,
    torchvision.adjust_contrast,
    torchvision.adjust_saturation,
    torchvision.adjust_hue,
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, HEIGHT, WIDTH, generator=seeded(seed))


def telling_images() -> Tensor:
    """Random, grey, nearly grey, nearly black and strongly coloured images, and one plain image a corner of RGB."""
    random = random_images(4)
    grey = random[:1, :1].expand(1, 3, HEIGHT, WIDTH)
    two_equal = random[1:2, [0, 0, 1]]
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
    plain = corners[:, :, None, None].expand(-1, 3, HEIGHT, WIDTH)
    nearly_grey = grey + 1e-6 * random[2:3]
    return torch.cat([random, grey, nearly_grey.clamp(0, 1), 1e-5 * random, random.round(), two_equal, plain])


def one_by_one(operation: Callable[..., Tensor], images: Tensor, values: Tensor) -> Tensor:
    return torch.stack([operation(image, value.item()) for image, value in zip(images, values, strict=True)])


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)


def shares(values: Tensor) -> list[float]:
    """Which share of the rows (N, K) each distinct row has."""
    counts = Counter(map(tuple, values.tolist()))
    return [count / len(values) for count in counts.values()]


FACTORS = st.one_of(st.sampled_from([0.0, 1e-6, 0.5, 1.0, 2.0, 11.0]), st.floats(0, 11, width=32))
SHIFTS = st.one_of(st.sampled_from([k / 12 for k in range(-6, 7)]), st.floats(-0.5, 0.5, width=32))


@pytest.mark.parametrize(
    ("adjust", "reference"),
    [
        (adjust_brightness, torchvision.adjust_brightness),
        (adjust_contrast, torchvision.adjust_contrast),
        (adjust_saturation, torchvision.adjust_saturation),
    ],
)
@settings(deadline=None, max_examples=40)
@given(factor=FACTORS)
def test_a_factor_acts_as_in_torchvision(
    adjust: Callable[..., Tensor], reference: Callable[..., Tensor], factor: float
) -> None:
    images = telling_images()
    factors = torch.linspace(0, 2, len(images)).index_fill(0, torch.arange(0, len(images), 2), factor)
    assert_close(adjust(images, factors), one_by_one(reference, images, factors))


@settings(deadline=None, max_examples=80)
@given(shift=SHIFTS, seed=st.integers(0, 1000))
@example(shift=0.5, seed=0)
@example(shift=-0.5, seed=0)
def test_hue_turns_as_in_torchvision(shift: float, seed: int) -> None:
    images = torch.cat([telling_images(), random_images(8, seed), random_images(8, seed).mul(4).round().div(4)])
    shifts = torch.linspace(-0.5, 0.5, len(images)).index_fill(0, torch.arange(0, len(images), 2), shift)
    assert_close(adjust_hue(images, shifts), one_by_one(torchvision.adjust_hue, images, shifts))


def test_flip_mirrors_exactly_the_images_it_should() -> None:
    images, flipped = random_images(5), torch.tensor([True, False, False, True, True])
    for image, original, mirrored in zip(horizontal_flip(images, flipped), images, flipped, strict=True):
        assert torch.equal(image, torchvision.horizontal_flip(original) if mirrored else original)


@pytest.mark.parametrize("padding", [1, 2, 4, 12])
def test_crop_is_padding_and_cutting_out(padding: int) -> None:
    images = random_images(40)
    (shifts,) = draw_random_crop(RandomCropSpec(padding=padding), len(images), seeded())
    cropped = shifted_crop(images, shifts)
    for image, original, (down, right) in zip(cropped, images, shifts.tolist(), strict=True):
        padded = torchvision.pad(original, [padding])
        assert torch.equal(image, torchvision.crop(padded, padding + down, padding + right, HEIGHT, WIDTH))


def test_a_crop_that_does_not_move_is_the_image() -> None:
    images = random_images(3)
    assert torch.equal(shifted_crop(images, torch.zeros(3, 2, dtype=torch.long)), images)


@pytest.mark.parametrize("active", [(0, 1, 2, 3), (0, 3), (1, 2, 3), (2,)])
def test_each_image_is_jittered_in_its_own_order(active: tuple[int, ...]) -> None:
    order = torch.tensor(list(permutations(active)) * 2)
    images = random_images(len(order))
    factors, _ = draw_color_jitter(JITTER, len(order), seeded())
    expected = []
    for image, own_factors, own_order in zip(images, factors.tolist(), order.tolist(), strict=True):
        for position in own_order:
            image = REFERENCE[position](image, own_factors[position])
        expected.append(image)
    assert_close(color_jitter(images, factors, order), torch.stack(expected))


def test_the_order_of_jitter_matters() -> None:
    images, factors = random_images(1), torch.tensor([[1.0, 1.5, 0.2, 0.25]])
    forth, back = (color_jitter(images, factors, torch.tensor([order])) for order in [[2, 3], [3, 2]])
    assert (forth - back).abs().max() > 0.01


def test_each_image_gets_operations_of_its_own() -> None:
    """What a mixture needs: some images left alone in a turn, and operations of different kinds side by side."""
    images, factors = random_images(4), torch.tensor([0.1, 0.2, 0.3, 0.4])
    shifts = torch.tensor([[0, 0], [0, 0], [0, 0], [1, -2]])
    operations: list[tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = [
        (lambda images: images, ()),
        (adjust_brightness, (factors,)),
        (horizontal_flip, (torch.ones(4, dtype=torch.bool),)),
        (shifted_crop, (shifts,)),
    ]
    result = apply_in_turn(images, torch.tensor([[0, 0], [1, 0], [2, 1], [3, 2]]), operations)
    assert torch.equal(result[0], images[0])
    assert_close(result[1], 0.2 * images[1])
    assert_close(result[2], 0.3 * images[2].flip(-1))
    assert torch.equal(result[3], shifted_crop(images, shifts)[3].flip(-1))


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 1.0])
def test_the_share_of_flips_is_the_probability(probability: float) -> None:
    (flipped,) = draw_horizontal_flip(HorizontalFlipSpec(probability=probability), 20_000, seeded())
    assert flipped.float().mean().item() == pytest.approx(probability, abs=0.02 if 0 < probability < 1 else 0)


def test_every_shift_of_a_crop_is_equally_likely() -> None:
    (shifts,) = draw_random_crop(RandomCropSpec(padding=4), 81_000, seeded())
    assert shifts.amin() == -4
    assert shifts.amax() == 4
    assert shares(shifts) == pytest.approx([1 / 81] * 81, rel=0.16)


def test_jitter_factors_are_uniform_over_their_range() -> None:
    spec = ColorJitterSpec(brightness=0.5, contrast=0.2, saturation=3.0, hue=0.25)
    factors, _ = draw_color_jitter(spec, 20_000, seeded())
    ranges = [(0.5, 1.5), (0.8, 1.2), (0.0, 4.0), (-0.25, 0.25)]
    for values, (low, high) in zip(factors.unbind(1), ranges, strict=True):
        uniform = (values - low) / (high - low)
        assert uniform.min().item() == pytest.approx(0, abs=1e-3)
        assert uniform.max().item() == pytest.approx(1, abs=1e-3)
        assert shares((10 * uniform).long().clamp(0, 9)[:, None]) == pytest.approx([0.1] * 10, rel=0.12)


def test_jitter_factors_are_independent_of_each_other() -> None:
    factors, _ = draw_color_jitter(JITTER, 20_000, seeded())
    torch.testing.assert_close(factors.T.corrcoef(), torch.eye(4), rtol=0, atol=0.04)


def test_every_order_of_jitter_is_equally_likely() -> None:
    _, order = draw_color_jitter(JITTER, 24_000, seeded())
    assert shares(order) == pytest.approx([1 / 24] * 24, rel=0.16)


def test_what_has_no_strength_is_left_out_of_the_order() -> None:
    _, order = draw_color_jitter(ColorJitterSpec(brightness=0.5, hue=0.25), 1000, seeded())
    assert {tuple(row) for row in order.tolist()} == {(0, 3), (3, 0)}


@pytest.mark.parametrize("spec", SPECS, ids=repr)
class TestEveryOperation:
    def test_keeps_shape_range_and_input(self, spec: AugmentSpec) -> None:
        images = telling_images()
        before = images.clone()
        result = augment(images, [spec], seeded())
        assert torch.equal(images, before)
        assert result.shape == images.shape
        assert result.dtype == images.dtype
        assert result.min() >= 0
        assert result.max() <= 1

    def test_is_a_function_of_the_seed(self, spec: AugmentSpec) -> None:
        images = random_images(16)
        assert torch.equal(augment(images, [spec], seeded(7)), augment(images, [spec], seeded(7)))
        if spec != ColorJitterSpec():
            assert not torch.equal(augment(images, [spec], seeded(7)), augment(images, [spec], seeded(8)))

    def test_treats_an_image_alone_as_in_a_batch(self, spec: AugmentSpec) -> None:
        images = random_images(5)
        draw, apply = OPERATIONS[type(spec)]
        parameters = draw(spec, 5, seeded())
        together = apply(images, *parameters)
        alone = [apply(images[i : i + 1], *(values[i : i + 1] for values in parameters)) for i in range(5)]
        assert_close(torch.cat(alone), together)

    def test_never_waits_for_the_device(self, spec: AugmentSpec) -> None:
        """A tensor on "meta" has no values: whatever would read one raises."""
        images = torch.empty(9, 3, HEIGHT, WIDTH, device="meta")
        assert augment(images, [spec], seeded()).shape == images.shape

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    @pytest.mark.filterwarnings("ignore:Synchronization debug mode")
    def test_does_on_a_gpu_what_it_does_on_the_cpu(self, spec: AugmentSpec) -> None:
        images = telling_images()
        on_gpu = images.cuda()
        torch.cuda.set_sync_debug_mode("error")
        try:
            result = augment(on_gpu, [spec], seeded())
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert_close(result.cpu(), augment(images, [spec], seeded()))


def test_each_image_of_a_batch_has_parameters_of_its_own() -> None:
    images = random_images(1).expand(50, -1, -1, -1)
    results = augment(images, [JITTER], seeded())
    assert len({tuple(image) for image in results.flatten(1).tolist()}) == 50


def test_operations_are_applied_in_the_given_order() -> None:
    images = random_images(8)
    generator = seeded()
    expected = augment(augment(images, [CROP], generator), [FLIP], generator)
    assert torch.equal(augment(images, [CROP, FLIP], seeded()), expected)


def test_no_operation_changes_nothing() -> None:
    images = random_images(3)
    assert torch.equal(augment(images, [], seeded()), images)


def test_every_spec_has_its_operation() -> None:
    union: Any = AugmentSpec
    assert set(get_args(get_args(union)[0])) == set(OPERATIONS)


def test_an_unknown_spec_is_refused() -> None:
    class RotationSpec(Section):
        pass

    unknown: Any = RotationSpec()
    with pytest.raises(NotImplementedError, match="RotationSpec"):
        augment(random_images(1), [unknown], seeded())
