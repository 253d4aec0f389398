"""Every image of an epoch comes out the same, in whatever block, batch or rank it is augmented."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.data.augmenting import random_images
from tests.data.test_augment import SPECS
from vitreport.data.augment.color import adjust_contrast
from vitreport.data.augment.pipeline import augment
from vitreport.data.augment.sampling import RandomNumbers, position_numbers
from vitreport.data.batches import draw_mixing
from vitreport.randomness import as_uniforms, position_keys, random_words
from vitreport.spec.augment import AugmentSpec, MixSpec

COUNT, EPOCH, SEED = 40, 3, 5
Positions = NDArray[np.int64]


def blocks(kind: str | int) -> Iterator[Positions]:
    """The positions of an epoch in blocks of a size, or dealt to three ranks in a random order."""
    positions = np.arange(COUNT)
    if isinstance(kind, int):
        yield from np.split(positions, range(kind, COUNT, kind))
    else:
        shuffled = np.random.default_rng(0).permutation(COUNT)
        yield from (shuffled[rank::3] for rank in range(3))


def numbers_of(positions: Positions, purpose: str = "augment") -> RandomNumbers:
    return position_numbers(SEED, purpose, EPOCH, positions)


def in_blocks(images: Tensor, spec: AugmentSpec, kind: str | int) -> Tensor:
    result = torch.empty_like(images)
    for positions in blocks(kind):
        result[positions] = augment(images[positions], [spec], numbers_of(positions))
    return result


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_an_image_does_not_depend_on_its_block(spec: AugmentSpec) -> None:
    images = random_images(COUNT, size=(6, 10))
    whole = in_blocks(images, spec, COUNT)
    for kind in (1, 7, "ranks"):
        assert torch.equal(in_blocks(images, spec, kind), whole), kind


def test_a_large_image_alone_has_the_contrast_that_it_has_in_a_batch() -> None:
    """Torch splits a sum among its threads where it is the only one and long enough."""
    images, factors = random_images(8, size=(224, 224)), torch.full((8,), 0.5)
    former = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        alone = [adjust_contrast(images[i : i + 1], factors[i : i + 1]) for i in range(8)]
        assert torch.equal(torch.cat(alone), adjust_contrast(images, factors))
    finally:
        torch.set_num_threads(former)


def test_columns_are_the_same_however_many_are_asked_for_at_once() -> None:
    positions = np.arange(5)
    expected = as_uniforms(random_words(position_keys(SEED, "augment", EPOCH, positions), 0, 64))
    for sizes in ([1] * 64, [7, 0, 48, 9], [64]):
        numbers = numbers_of(positions)
        assert np.array_equal(np.concatenate([numbers.uniforms(size) for size in sizes], axis=1), expected)


def test_turns_have_columns_of_their_own() -> None:
    numbers = numbers_of(np.arange(5))
    uniforms = np.concatenate([numbers.repeated(3).uniforms(4).ravel(), numbers.uniforms(2).ravel()])
    assert len(set(uniforms.tolist())) == 5 * (3 * 4 + 2)


def test_seeds_are_the_words_of_the_hash() -> None:
    words = random_words(position_keys(SEED, "augment", EPOCH, np.arange(1000)), 0, 2)
    assert np.array_equal(numbers_of(np.arange(1000)).seeds().numpy(), words)


@pytest.mark.parametrize(
    "spec", [MixSpec(mixup_alpha=0.4), MixSpec(cutmix_alpha=0.7), MixSpec(mixup_alpha=0.4, cutmix_alpha=1.0)], ids=repr
)
def test_what_an_image_is_mixed_with_varies_by_batch_but_not_how(spec: MixSpec) -> None:
    whole = draw_mixing(spec, (9, 12), numbers_of(np.arange(COUNT), "mix"))
    for kind in (1, 7, 32, "ranks"):
        for positions in blocks(kind):
            own = draw_mixing(spec, (9, 12), numbers_of(positions, "mix"))
            assert all(torch.equal(some, every[positions]) for some, every in zip(own, whole, strict=True))
