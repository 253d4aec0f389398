"""The hash behind every random number of an epoch: uniform, independent, and the same bits everywhere."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import chisquare, kstest

from vitreport.randomness import as_uniforms, hashed, permutation, position_keys, random_words

POSITIONS = np.arange(4000)
MIN_P = 1e-4
NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
PINNED = [[-1499515671, -291694912, 555238216], [257525551, -833747600, 1300213231]]
PINNED_ORDER = [7, 3, 6, 2, 1, 5, 0, 4]


def drawn(seed: int = 0, purpose: str = "augment", epoch: int = 0) -> NDArray[np.float64]:
    return as_uniforms(random_words(position_keys(seed, purpose, epoch, POSITIONS), 0, 16))


def arguments(seed: int = 0) -> list[NDArray[np.int32]]:
    """Counters (1, 500) and keys (40, 1), with the extremes of int32."""
    random = np.random.default_rng(seed)
    bounds = np.iinfo(np.int32)
    low, high = (random.integers(bounds.min, bounds.max, (40, 1), np.int32, endpoint=True) for _ in range(2))
    low[:3, 0] = high[1:4, 0] = bounds.min, bounds.max, -1
    return [np.arange(500, dtype=np.int32)[None], low, high]


def by_definition(counter: int, low: int, high: int) -> int:
    """MurmurHash3's fmix32 as it is published, on unsigned integers."""

    def fmix32(h: int) -> int:
        h = (h ^ (h >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
        h = (h ^ (h >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
        return h ^ (h >> 16)

    return fmix32(fmix32((counter * 0x9E3779B9 + low) & 0xFFFFFFFF) ^ high)


def test_the_hash_is_two_rounds_of_the_published_finalizer() -> None:
    counters, low, high = arguments()
    found = hashed(counters, low, high).view(np.uint32)
    for row in range(40):
        own = (int(half[row, 0]) & 0xFFFFFFFF for half in (low, high))
        key = tuple(own)
        assert found[row].tolist() == [by_definition(counter, *key) for counter in range(500)]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_CUDA)])
def test_numpy_and_torch_give_the_same_bits(device: str) -> None:
    given = arguments()
    kept = [values.copy() for values in given]
    tensors = [torch.from_numpy(values).to(device) for values in given]
    assert np.array_equal(hashed(*tensors).cpu().numpy(), hashed(*given))
    assert all(map(np.array_equal, given, kept))


def test_the_numbers_of_a_seed_stay_what_they_are() -> None:
    """Another value here is another RANDOMNESS_VERSION."""
    words = random_words(position_keys(1, "augment", 2, np.array([0, 49_999])), 0, 3)
    assert words.tolist() == PINNED
    assert permutation(1, "order", 2, 8).tolist() == PINNED_ORDER


def test_numbers_depend_on_the_position_alone_and_not_on_its_neighbours() -> None:
    chosen = np.array([3999, 0, 17])
    words = random_words(position_keys(0, "augment", 0, chosen), 0, 16)
    assert np.array_equal(as_uniforms(words), drawn()[chosen])
    keys = position_keys(0, "augment", 0, POSITIONS)
    assert np.array_equal(as_uniforms(random_words(keys, 5, 4)), drawn()[:, 5:9])


def test_numbers_are_uniform_in_every_column_and_row() -> None:
    values = drawn()
    assert 0 < values.min() < 1e-4
    assert 1 - 1e-4 < values.max() < 1
    assert min(kstest(column, "uniform").pvalue for column in values.T) > MIN_P
    assert kstest(values[:50].ravel(), "uniform").pvalue > MIN_P
    assert kstest(values.mean(1), "norm", (0.5, (1 / 12 / 16) ** 0.5)).pvalue > MIN_P


def test_the_extreme_words_stay_inside_the_unit_interval() -> None:
    low, high = as_uniforms(np.array([-(2**31), 2**31 - 1], np.int32))
    assert low == 2.0**-33
    assert high == 1 - 2.0**-33


@pytest.mark.parametrize(
    "other",
    [
        drawn(seed=1),
        drawn(seed=2**31),
        drawn(purpose="mix"),
        drawn(epoch=1),
        np.roll(drawn(), 1, 0),
        np.roll(drawn(), 1, 1),
    ],
    ids=["seed", "large seed", "purpose", "epoch", "position", "column"],
)
def test_numbers_are_independent_between(other: NDArray[np.float64]) -> None:
    """Pairs fill the unit square evenly, in each column and over all of them."""
    first = drawn()
    assert not (first == other).any()
    cells = (10 * first).astype(int) * 10 + (10 * other).astype(int)
    assert chisquare(np.bincount(cells.ravel(), minlength=100)).pvalue > MIN_P
    of_columns = [np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, other.T, strict=True)]
    assert np.abs(of_columns).max() < 4.5 / len(POSITIONS) ** 0.5


@pytest.mark.parametrize("argument", [0, 1, 2], ids=["counter", "low half", "high half"])
def test_each_bit_of_an_argument_turns_half_of_the_bits(argument: int) -> None:
    """Avalanche: of each bit of the hash between 45% and 55% turn."""
    random = np.random.default_rng(0)
    given = [random.integers(-(2**31), 2**31, 4000, np.int32) for _ in range(3)]
    before = hashed(*given)
    for bit in range(32):
        flipped = list(given)
        flipped[argument] = given[argument] ^ np.int32(np.uint32(1 << bit).view(np.int32))
        turned = (hashed(*flipped) ^ before).view(np.uint32)
        shares = [((turned >> out) & 1).mean() for out in range(32)]
        assert min(shares) > 0.45
        assert max(shares) < 0.55


def test_permutations_are_uniform_and_independent() -> None:
    """Each image is equally likely at each place, each order of three as well."""
    orders = np.array([permutation(seed, "order", epoch, 8) for seed in range(50) for epoch in range(80)])
    assert (np.sort(orders, 1) == np.arange(8)).all()
    places = [np.bincount(column, minlength=8) for column in orders.T]
    assert min(chisquare(counts).pvalue for counts in places) > MIN_P
    of_three = orders[:, :3] @ [64, 8, 1]
    assert chisquare(np.unique(of_three, return_counts=True)[1]).pvalue > MIN_P
    assert len(np.unique(of_three)) == 8 * 7 * 6
    follows = np.bincount(orders[:-1, 0] * 8 + orders[1:, 0], minlength=64)
    assert chisquare(follows).pvalue > MIN_P
