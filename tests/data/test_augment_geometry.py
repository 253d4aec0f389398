"""Operations that move pixels: equal to torchvision image by image, drawn as stated."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as torchvision

from tests.data.augmenting import (
    HEIGHT,
    SIZES,
    WIDTH,
    assert_close,
    drawn,
    not_contiguous,
    random_images,
    shares,
    telling_images,
)
from vitreport.data.augment.geometry import (
    affine,
    inverse_affine,
    resized_crop,
    shifted_crop,
)
from vitreport.spec.augment import (
    HorizontalFlipSpec,
    RandomAffineSpec,
    RandomCropSpec,
    RandomResizedCropSpec,
    RandomRotationSpec,
    VerticalFlipSpec,
)


@pytest.mark.parametrize(
    ("spec", "reference"),
    [(HorizontalFlipSpec(), torchvision.horizontal_flip), (VerticalFlipSpec(), torchvision.vertical_flip)],
)
def test_flip_mirrors_exactly_the_images_it_should(
    spec: HorizontalFlipSpec | VerticalFlipSpec, reference: Callable[[Tensor], Tensor]
) -> None:
    images = random_images(20)
    apply, parameters = drawn(spec, 20)
    for image, original, choice in zip(apply(images, *parameters), images, parameters[0], strict=True):
        assert torch.equal(image, reference(original) if choice == 0 else original)


@pytest.mark.parametrize("padding", [1, 2, 4, 12])
def test_crop_is_padding_and_cutting_out(padding: int) -> None:
    images = random_images(40)
    (shifts,) = drawn(RandomCropSpec(padding=padding), len(images)).parameters
    cropped = shifted_crop(images, shifts)
    for image, original, (down, right) in zip(cropped, images, shifts.tolist(), strict=True):
        padded = torchvision.pad(original, [padding])
        assert torch.equal(image, torchvision.crop(padded, padding + down, padding + right, HEIGHT, WIDTH))


def test_a_crop_that_does_not_move_is_the_image() -> None:
    images = random_images(3)
    assert torch.equal(shifted_crop(images, torch.zeros(3, 2, dtype=torch.long)), images)


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("kind", [HorizontalFlipSpec, VerticalFlipSpec])
def test_the_share_of_flips_is_the_probability(
    kind: type[HorizontalFlipSpec | VerticalFlipSpec], probability: float
) -> None:
    choices, _ = drawn(kind(probability=probability), 20_000).parameters
    assert (choices == 0).float().mean().item() == pytest.approx(probability, abs=0.02 if 0 < probability < 1 else 0)


def test_every_shift_of_a_crop_is_equally_likely() -> None:
    (shifts,) = drawn(RandomCropSpec(padding=4), 81_000).parameters
    assert shifts.amin() == -4
    assert shifts.amax() == 4
    assert shares(shifts) == pytest.approx([1 / 81] * 81, rel=0.16)


MAPS = st.tuples(
    st.floats(-360, 360),
    st.tuples(st.integers(-5, 5), st.integers(-5, 5)),
    st.floats(0.3, 3),
    st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
).map(lambda map_: (map_[0] + 0.0123, map_[1], map_[2] * 1.00037, map_[3]))
"""At simple values a source point lies exactly between two pixels, and the last bit decides which is nearest."""
Map = tuple[float, tuple[int, int], float, tuple[float, float]]


def affine_of_torchvision(image: Tensor, own: Map, interpolation: str) -> Tensor:
    degrees, translation, scale, shear = own
    mode = InterpolationMode(interpolation)
    return torchvision.affine(image, degrees, list(translation), scale, list(shear), mode)  # type: ignore[no-any-return]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=15)
@given(maps=st.lists(MAPS, min_size=1, max_size=6))
def test_affine_maps_as_in_torchvision(interpolation: str, size: tuple[int, int], maps: list[Map]) -> None:
    """In double precision, so that both round to the same nearest pixel."""
    images = random_images(len(maps), size=size).double()
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*maps, strict=True)]
    expected = torch.stack(
        [affine_of_torchvision(image, own, interpolation) for image, own in zip(images, maps, strict=True)]
    )
    differences = (affine(images, inverse_affine(*columns), interpolation=interpolation) - expected).abs()
    assert torch.quantile(differences, 0.99 if interpolation == "nearest" else 1.0) < 1e-6


@pytest.mark.parametrize("images", [*map(telling_images, SIZES), not_contiguous(telling_images())])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_rotation_turns_as_in_torchvision(images: Tensor, interpolation: str) -> None:
    degrees = torch.linspace(-359, 359, len(images), dtype=torch.float64)
    still = torch.zeros(len(images), 2)
    matrices = inverse_affine(-degrees, still, torch.ones(len(images)), still)
    mode = InterpolationMode(interpolation)
    expected = [torchvision.rotate(image, own.item(), mode) for image, own in zip(images, degrees, strict=True)]
    assert_close(affine(images, matrices, interpolation=interpolation), torch.stack(expected), atol=3e-6)


@pytest.mark.parametrize("size", [(8, 8), (9, 9)])
@pytest.mark.parametrize("quarters", [-2, -1, 0, 1, 2])
def test_quarter_turns_are_exact(size: tuple[int, int], quarters: int) -> None:
    spec = RandomRotationSpec(degrees=(90.0 * quarters, 90.0 * quarters))
    images = random_images(3, size=size)
    apply, parameters = drawn(spec, 3, size)
    assert torch.equal(apply(images, *parameters), images.rot90(quarters, (-2, -1)))


def test_a_rotation_is_drawn_from_its_range() -> None:
    (matrices,) = drawn(RandomRotationSpec(degrees=(20.0, 60.0)), 20_000).parameters
    degrees = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]).rad2deg()
    assert degrees.min().item() == pytest.approx(20, abs=0.1)
    assert degrees.max().item() == pytest.approx(60, abs=0.1)
    assert degrees.mean().item() == pytest.approx(40, abs=0.5)


def test_an_affine_map_is_drawn_as_in_torchvision() -> None:
    """The six entries of the matrices, as they are distributed."""
    spec = RandomAffineSpec(
        degrees=(-15.0, 30.0), translate=(0.2, 0.4), scale=(0.8, 1.2), shear=(-15.0, 5.0), interpolation="bilinear"
    )
    (matrices,) = drawn(spec, 4000).parameters
    transform = v2.RandomAffine(spec.degrees, spec.translate, spec.scale, spec.shear)
    torch.manual_seed(0)
    draws = [transform.make_params([torch.empty(3, HEIGHT, WIDTH)]) for _ in range(2000)]
    columns = [
        torch.tensor([draw[name] for draw in draws], dtype=torch.float64)
        for name in ("angle", "translate", "scale", "shear")
    ]
    expected = inverse_affine(*columns)
    for ours, theirs in zip(matrices.flatten(1).T, expected.flatten(1).T, strict=True):
        assert ks_2samp(ours.numpy(), theirs.numpy(), method="asymp").pvalue > 1e-3


@pytest.mark.parametrize("size", [*SIZES, (32, 32)])
def test_a_window_is_resized_as_in_torchvision(size: tuple[int, int]) -> None:
    images = not_contiguous(random_images(200, size=size))
    (boxes,) = drawn(RandomResizedCropSpec(ratio=(0.5, 2.0)), len(images), size).parameters
    expected = [
        torchvision.resized_crop(image, *map(int, box), list(size))
        for image, box in zip(images, boxes.tolist(), strict=True)
    ]
    assert_close(resized_crop(images, boxes), torch.stack(expected), atol=3e-6)


@pytest.mark.parametrize(
    ("size", "scale", "ratio"),
    [
        ((16, 16), (0.08, 1.0), (3 / 4, 4 / 3)),
        ((9, 21), (0.08, 1.0), (3 / 4, 4 / 3)),
        ((9, 21), (0.9, 1.0), (2.0, 3.0)),
        ((16, 16), (0.9, 1.0), (0.2, 0.4)),
        ((9, 21), (1.0, 1.0), (0.2, 0.4)),
    ],
)
def test_windows_are_drawn_as_in_torchvision(
    size: tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float]
) -> None:
    """Among them those that never fit, of which the largest in the centre is left."""
    (boxes,) = drawn(RandomResizedCropSpec(scale=scale, ratio=ratio), 1500, size).parameters
    transform = v2.RandomResizedCrop(size, scale, ratio)
    torch.manual_seed(0)
    draws = [transform.make_params([torch.empty(3, *size)]) for _ in range(1500)]
    for ours, name in zip(boxes.T, ("top", "left", "height", "width"), strict=True):
        theirs = [draw[name] for draw in draws]
        assert ks_2samp(ours.numpy(), theirs, method="asymp").pvalue > 1e-3


def test_a_window_of_the_whole_image_leaves_it() -> None:
    images = random_images(3, size=(9, 9))
    spec = RandomResizedCropSpec(scale=(1.0, 1.0), ratio=(1.0, 1.0))
    apply, parameters = drawn(spec, 3, (9, 9))
    assert_close(apply(images, *parameters), images, atol=1e-6)
