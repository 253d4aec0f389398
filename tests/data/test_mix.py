"""Mixup and CutMix: as timm's Mixup mixes each image ("elem"), and as it draws."""

import numpy as np
import pytest
import torch
from scipy.stats import beta, ks_2samp, kstest
from timm.data.mixup import Mixup, cutmix_bbox_and_lam
from torch import Tensor

from tests.data.augmenting import SIZES, assert_close, numbers, random_images
from vitreport.data.batches import Mixing, draw_mixing, mixed_images, mixed_targets, mixing_partners
from vitreport.spec.augment import MixSpec

MIXUP, CUTMIX = MixSpec(mixup_alpha=0.4), MixSpec(cutmix_alpha=0.7)
BOTH = MixSpec(mixup_alpha=0.4, cutmix_alpha=1.0, switch_probability=0.3, probability=0.8)
SHAPE = (3, 16, 24)


def drawn(spec: MixSpec, count: int = 4000) -> Mixing:
    return draw_mixing(spec, SHAPE[1:], numbers(count))


def mix(images: Tensor, labels: Tensor, spec: MixSpec, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images and targets of ten classes, as a batch has them."""
    mixing = draw_mixing(spec, images.shape[-2:], numbers(len(images), seed))
    partners = mixing_partners([len(images)]).to(images.device)
    return mixed_images(images, partners, mixing), mixed_targets(labels, partners, mixing.shares, 10)


def cut(mixing: Mixing) -> Tensor:
    return mixing.boxes[:, 2:].prod(1) > 0


def one_mixed(image: Tensor, partner: Tensor, weight: float, box: list[int]) -> Tensor:
    """As `Mixup._mix_elem` writes it."""
    top, left, height, width = box
    mixed = image * weight + partner * (1 - weight)
    mixed[:, top : top + height, left : left + width] = partner[:, top : top + height, left : left + width]
    return mixed


@pytest.mark.parametrize("count", [1, 7, 12])
@pytest.mark.parametrize("size", SIZES)
def test_each_image_is_mixed_with_its_partner(size: tuple[int, int], count: int) -> None:
    images = random_images(count, size=size)
    mixing = draw_mixing(BOTH, size, numbers(count))
    parts = zip(images, images.flip(0), mixing.weights.tolist(), mixing.boxes.tolist(), strict=True)
    mixed = mixed_images(images, mixing_partners([count]), mixing)
    assert_close(mixed, torch.stack([one_mixed(*own) for own in parts]), atol=1e-6)


def test_the_share_of_a_label_is_that_of_its_pixels() -> None:
    """Shown on white images with black partners."""
    white_and_black = torch.cat([torch.ones(500, *SHAPE), torch.zeros(500, *SHAPE)])
    mixing = draw_mixing(BOTH, SHAPE[1:], numbers(1000))
    mixed = mixed_images(white_and_black, mixing_partners([1000]), mixing)
    assert_close(mixed[:500].mean((1, 2, 3)), mixing.shares[:500].float())
    assert_close(1 - mixed[500:].mean((1, 2, 3)), mixing.shares[500:].float())


def test_targets_hold_both_labels_in_their_shares() -> None:
    labels, shares = torch.tensor([2, 0, 0, 1]), torch.tensor([0.75, 0.25, 0.5, 1.0])
    expected = [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert mixed_targets(labels, mixing_partners([4]), shares, 3).tolist() == expected


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_mixup_draws_from_a_beta_distribution(alpha: float) -> None:
    mixing = drawn(MixSpec(mixup_alpha=alpha))
    assert kstest(mixing.shares.numpy(), beta(alpha, alpha).cdf).pvalue > 1e-3
    assert torch.equal(mixing.weights, mixing.shares)
    assert not cut(mixing).any()


@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_cutmix_draws_boxes_as_timm(alpha: float) -> None:
    mixing = drawn(MixSpec(cutmix_alpha=alpha))
    np.random.seed(0)
    by_timm = [cutmix_bbox_and_lam(SHAPE, np.random.beta(alpha, alpha)) for _ in range(4000)]
    bottom, right = (mixing.boxes[:, :2] + mixing.boxes[:, 2:]).T
    ours = (mixing.boxes[:, 0], bottom, mixing.boxes[:, 1], right, mixing.shares)
    theirs = (*zip(*(box for box, _ in by_timm), strict=True), [share for _, share in by_timm])
    for own, expected in zip(ours, theirs, strict=True):
        assert ks_2samp(own.numpy(), np.array(expected), method="asymp").pvalue > 1e-3
    assert (mixing.weights == 1).all()


def test_both_are_chosen_and_left_out_as_in_timm() -> None:
    mixing = drawn(BOTH)
    reference = Mixup(0.4, 1.0, prob=0.8, switch_prob=0.3, mode="elem")
    np.random.seed(0)
    shares, _ = reference._params_per_elem(4000)
    assert (mixing.shares == 1).double().mean().item() == pytest.approx((shares == 1).mean(), abs=0.04)
    assert ks_2samp(mixing.shares[~cut(mixing)].numpy(), shares_of_mixup(reference), method="asymp").pvalue > 1e-3
    assert cut(mixing).double().mean().item() == pytest.approx(0.8 * 0.3, abs=0.03)


def shares_of_mixup(reference: Mixup) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    shares, use_cutmix = reference._params_per_elem(8000)
    return np.concatenate([shares[~use_cutmix], np.ones((use_cutmix & (shares == 1)).sum(), np.float32)])


@pytest.mark.parametrize("spec", [MIXUP, CUTMIX, BOTH], ids=repr)
def test_mixing_is_a_function_of_its_numbers(spec: MixSpec) -> None:
    images, labels = random_images(20), torch.arange(20) % 10
    before = images.clone()
    first, second, third = (mix(images, labels, spec, seed) for seed in (5, 5, 6))
    assert torch.equal(images, before)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], third[0])


@pytest.mark.parametrize("spec", [MIXUP, CUTMIX, BOTH], ids=repr)
def test_mixing_never_waits_for_the_device(spec: MixSpec) -> None:
    images, labels = torch.empty(9, *SHAPE, device="meta"), torch.empty(9, dtype=torch.long, device="meta")
    mixed, targets = mix(images, labels, spec)
    assert mixed.shape == images.shape
    assert targets.shape == (9, 10)
