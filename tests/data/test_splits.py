import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreport.data.arrays import Labels
from vitreport.data.splits import limited, split_hash, validation_split
from vitreport.errors import DatasetError

SEEDS = st.integers(0, 2**31 - 1)
LABELS = st.lists(st.integers(0, 5), min_size=60, max_size=200).map(lambda labels: np.array(labels, np.int64))


def balanced(count: int, classes: int = 10) -> Labels:
    return np.repeat(np.arange(classes), count)


@settings(max_examples=20)
@given(LABELS, st.floats(0.1, 0.4), SEEDS)
def test_validation_split_is_disjoint_complete_and_stratified(labels: Labels, fraction: float, seed: int) -> None:
    counts = np.bincount(labels)
    labels = labels[counts[labels] > 3]
    train, val = validation_split(labels, fraction, seed)
    assert sorted([*train, *val]) == list(range(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(val) > 0).all()
    assert train.dtype == val.dtype == np.int64
    assert len(val) == round(fraction * len(labels))
    shares = np.bincount(labels) * len(val) / len(labels)
    assert (np.abs(np.bincount(labels[val], minlength=len(shares)) - shares) < 1).all()
    assert set(labels[train]) == set(labels)


@settings(max_examples=20)
@given(LABELS, st.integers(30, 300), SEEDS)
def test_limited_keeps_the_same_share_of_each_class(labels: Labels, limit: int, seed: int) -> None:
    counts = np.bincount(labels)
    labels = labels[counts[labels] > len(labels) / 12]
    kept = limited(labels, limit, seed)
    assert len(kept) == min(limit, len(labels))
    assert (np.diff(kept) > 0).all()
    shares = np.bincount(labels) * len(kept) / len(labels)
    assert (np.abs(np.bincount(labels[kept], minlength=len(shares)) - shares) < 1).all()


@settings(max_examples=20)
@given(SEEDS)
def test_the_seed_alone_decides(seed: int) -> None:
    labels = balanced(20)
    first, again, other = (validation_split(labels, 0.2, s)[1] for s in (seed, seed, seed + 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@settings(max_examples=20)
@given(LABELS, SEEDS)
def test_the_number_held_out_of_a_class_does_not_depend_on_the_order(labels: Labels, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(labels)
    one, other = (order[validation_split(order, 0.2, seed)[1]] for order in (labels, shuffled))
    assert sorted(one) == sorted(other)


def test_every_image_of_a_class_is_as_likely_to_be_held_out() -> None:
    labels = balanced(10, classes=2)
    times = np.zeros(20, int)
    for seed in range(1000):
        times[validation_split(labels, 0.2, seed)[1]] += 1
    assert times.sum() == 4000
    assert abs(times - 200).max() < 60  # more than 4.7 standard deviations


def test_the_split_of_a_seed_stays_what_it_was() -> None:
    train, val = validation_split(balanced(100), 0.1, 0)
    assert split_hash(train, val) == "d1afd9f2b1d49ae8"
    assert split_hash(limited(balanced(100), 50, 0)) == "44d00af262346029"


def test_nothing_is_held_out_with_a_fraction_of_zero() -> None:
    train, val = validation_split(balanced(3), 0.0, 0)
    assert train.tolist() == list(range(30))
    assert val.tolist() == []


def test_a_limit_above_the_number_of_images_keeps_all() -> None:
    assert limited(balanced(3), 1000, 0).tolist() == list(range(30))


def test_labels_that_do_not_occur_are_no_fault() -> None:
    labels = np.array([2, 2, 2, 7, 7, 7])
    assert len(validation_split(labels, 0.34, 0)[1]) == 2
    assert len(limited(labels, 2, 0)) == 2


def test_a_class_is_not_emptied() -> None:
    labels = np.array([0] * 4 + [1])
    with pytest.raises(DatasetError, match=r"every training image of class 'dog'"):
        validation_split(labels, 0.8, 0, ["cat", "dog"])
    with pytest.raises(DatasetError, match="limit = 1 leaves no training image of class 'dog'"):
        limited(labels, 1, 0, ["cat", "dog"])


def test_all_classes_that_would_be_emptied_are_named() -> None:
    labels = np.array([0] * 4 + [1, 2])
    with pytest.raises(DatasetError, match="limit = 1 leaves no training image of 2 classes: '10' and '2'"):
        limited(labels, 1, 0, ["0", "10", "2"])


def test_a_fraction_of_less_than_one_image_is_refused() -> None:
    with pytest.raises(DatasetError, match="is less than one image"):
        validation_split(balanced(1), 0.01, 0)


def test_the_hash_tells_where_one_part_ends() -> None:
    one, two = np.array([1, 2, 3]), np.array([4])
    assert split_hash(one, two) != split_hash(np.array([1, 2]), np.array([3, 4]))
    assert split_hash(one, two) != split_hash(two, one)
    assert split_hash(one.astype(">i8"), two) == split_hash(one, two)
    assert len(split_hash(one)) == 16
