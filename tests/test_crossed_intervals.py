"""Intervals for new seeds and new images, from the answers of several seeds to each image."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from vitreport.intervals import (
    PROPORTION,
    Sample,
    contrast,
    difference,
    image_parts,
    mean_accuracy,
    mean_over_seeds,
    mean_proportion_same_images,
    prediction_interval,
    wilson_estimate,
    wilson_interval,
)

Rows = NDArray[np.bool_]
ONE, OTHER = "6f" * 32, "7a" * 32


def sample(rows: Rows, dataset: str = ONE) -> Sample:
    """The answers of several seeds to several images, a row a seed."""
    numbers = [int("".join("01"[int(each)] for each in row), 2) for row in rows]
    return Sample.from_bits(numbers, rows.shape[1], dataset)


def drawn(seeds: int, images: int, accuracy: float, seed_sd: float, generator: np.random.Generator) -> Rows:
    """Crossed random effects: images of all difficulties, seeds that differ."""
    level = NormalDist().inv_cdf(accuracy) * np.sqrt(2)
    difficulty = generator.normal(size=images)
    skill = generator.normal(scale=seed_sd, size=(seeds, 1))
    rows: Rows = level + skill + difficulty + generator.normal(scale=1e-9 + 1.0, size=(seeds, images)) > 0
    return rows


def test_the_residual_is_that_of_an_analysis_of_variance() -> None:
    rows = drawn(3, 50, 0.8, 0.2, np.random.default_rng(1))
    table = rows.astype(float)
    expected = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    found = sample(rows)
    assert found.residual == pytest.approx((expected**2).sum() / (2 * 49))
    assert found.values == pytest.approx(tuple(table.mean(axis=1)))
    assert found.variance == pytest.approx(max(np.var(found.values, ddof=1), found.residual / 50))


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(9, 40))
def test_an_interval_holds_its_mean_and_stays_possible(seed: int, seeds: int, images: int) -> None:
    found = mean_accuracy(sample(drawn(seeds, images, 0.9, 0.3, np.random.default_rng(seed))))
    assert found.interval
    assert 0 <= found.interval[0] <= found.value + 1e-12
    assert found.value - 1e-12 <= found.interval[1] <= 1
    assert (found.method, found.n, found.images) == ("crossed", seeds, images)


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong_has_wilsons_interval_of_the_images(right: bool) -> None:
    found = mean_accuracy(sample(np.full((3, 100), right)))
    expected = wilson_interval(100 * right, 100, float(stats.t.ppf(0.975, 99)))
    assert (found.low, found.high) == pytest.approx(expected)


def test_identical_seeds_of_100_and_0_percent_differ() -> None:
    """Nothing varies, but no variance is below that of one image."""
    found = difference(sample(np.full((3, 100), True)), sample(np.full((3, 100), False)))
    assert found
    assert found.is_shown
    assert found.value == 1.0
    equal = difference(sample(np.full((3, 100), True)), sample(np.full((2, 100), True)))
    assert equal
    assert (equal.value, equal.is_shown, equal.n) == (0.0, False, 2)


def test_where_nothing_varies_the_seeds_give_the_degrees_of_freedom() -> None:
    """Groups of identical seeds whose weighted answers cancel out, but for rounding."""
    one, other = (sample(np.stack([np.roll(np.arange(97) < 71, place)] * 3)) for place in (0, 1))
    same = contrast(
        [(sign / 3, each) for sign, each in zip((1, 1, 1, -1, -1, -1), (one, other, other) * 2, strict=True)]
    )
    assert same
    assert same.reach == pytest.approx(stats.t.ppf(0.975, 2) / 97, rel=1e-6)


@given(st.integers(2, 9), st.floats(0.05, 0.95))
def test_identical_seeds_leave_no_residual(seeds: int, accuracy: float) -> None:
    rows = np.stack([np.arange(97) < 97 * accuracy] * seeds)
    assert sample(rows).residual == 0
    assert prediction_interval(mean_accuracy(sample(rows))) is None


def test_seeds_that_agree_by_chance_say_no_more_than_the_images() -> None:
    """Three seeds of 56.00, 56.01 and 56.02% of 10,000 images do not contradict 56.3%."""
    generator = np.random.default_rng(1)
    base = np.arange(10_000) < 5000
    rows = np.stack([base.copy() for _ in range(3)])
    for row, extra in zip(rows, (600, 601, 602), strict=True):
        row[5000 + generator.permutation(1500)[:extra]] = True
    measured = mean_accuracy(sample(rows))
    low, high = prediction_interval(measured) or (0.0, 0.0)
    assert low < 0.563 < high
    student = mean_over_seeds(sample(rows).values, PROPORTION)
    assert student
    narrow = prediction_interval(student) or (0.0, 1.0)
    assert narrow[1] < 0.563


def test_different_images_are_compared_without_pairing() -> None:
    rows = drawn(3, 400, 0.9, 0.1, np.random.default_rng(2))
    others = rows.copy()
    others[:, :20] = False
    paired = difference(sample(rows), sample(others))
    apart = difference(sample(rows), sample(others, OTHER))
    fewer = difference(sample(rows), sample(others[:, :300]))
    assert paired
    assert apart
    assert fewer
    assert (paired.value, paired.method) == (apart.value, "crossed")
    assert paired.reach < apart.reach < fewer.reach


def test_without_known_answers_the_interval_is_welchs() -> None:
    first, second = [0.5, 0.52, 0.55], [0.4, 0.41]
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    found = difference(Sample(tuple(first)), sample(np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0]], bool)))
    assert found
    assert found.method == "welch"
    found = difference(Sample(tuple(first)), Sample(tuple(second)))
    assert found
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-6)
    assert found.n == 2


def test_one_seed_is_compared_with_nothing() -> None:
    assert difference(Sample((0.5,)), Sample((0.4, 0.41))) is None


def test_a_difference_and_its_reverse_are_mirrored() -> None:
    first, second = (sample(drawn(n, 100, p, 0.2, np.random.default_rng(n))) for n, p in ((3, 0.9), (2, 0.8)))
    one, other = difference(first, second, 3), difference(second, first, 3)
    assert one
    assert other
    assert other.interval
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.interval[1], -other.interval[0]))


def test_several_comparisons_widen_each_by_sidaks_quantile() -> None:
    first, second = Sample((0.5, 0.52, 0.54)), Sample((0.6, 0.61, 0.65))
    one, five = difference(first, second), difference(first, second, 5)
    expected = stats.ttest_ind(first.values, second.values, equal_var=False).confidence_interval(0.95 ** (1 / 5))
    assert one
    assert five
    assert (five.low, five.high) == pytest.approx(tuple(expected), rel=1e-6)
    assert (one.comparisons, five.comparisons) == (1, 5)


@pytest.mark.parametrize("weights", [(1, -1, -1, 1), (0.5, 0.5, -0.5, -0.5), (1, -1, 0.5, -0.5)])
def test_a_contrast_has_the_variance_of_its_weighted_answers(weights: tuple[float, ...]) -> None:
    """The same seeds and images in all groups, computed from the whole table."""
    generator = np.random.default_rng(7)
    tables = np.stack([drawn(3, 80, 0.7 + 0.05 * index, 0.3, generator) for index in range(4)]).astype(float)
    c = np.array(weights)
    centered = tables - tables.mean(axis=2, keepdims=True) - tables.mean(axis=1, keepdims=True)
    residual = ((centered + tables.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=(1, 2)) / (2 * 79)
    seeds = c**2 * np.maximum(tables.mean(axis=2).var(axis=1, ddof=1), residual / 80) / 3
    images = (np.tensordot(c, tables.mean(axis=1), 1).var(ddof=1) - (c**2 * residual).sum() / 3) / 80
    total = seeds.sum() + images
    freedom = total**2 / ((seeds**2).sum() / 2 + images**2 / 79)
    found = contrast([(weight, sample(table > 0)) for weight, table in zip(weights, tables, strict=True)], 4)
    assert found
    assert (found.method, found.n, found.comparisons) == ("crossed", 3, 4)
    assert found.value == pytest.approx(c @ tables.mean(axis=(1, 2)))
    assert found.reach == pytest.approx(stats.t.ppf((1 + 0.95**0.25) / 2, freedom) * np.sqrt(total), rel=1e-6)


def test_what_adds_up_has_no_interaction() -> None:
    """The second field makes the same images right at both values of the first."""
    rows = np.arange(400).reshape(1, 400) < np.array([[200], [204], [208]])
    better = [rows | (np.arange(400) >= 360), rows | (np.arange(400) >= 300)]
    best = [each | ((np.arange(400) >= 250) & (np.arange(400) < 290)) for each in better]
    found = contrast([(sign, sample(each)) for sign, each in zip((1, -1, -1, 1), [*better, *best], strict=True)])
    assert found
    assert found.value == pytest.approx(0, abs=1e-12)
    assert not found.is_shown


@given(st.permutations(range(4)), st.integers(0, 2**32))
def test_the_order_of_groups_does_not_change_a_contrast(order: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    terms = [(weight, sample(drawn(3, 30, 0.8, 0.2, generator))) for weight in (1.0, -1.0, -0.5, 0.5)]
    one, other = contrast(terms), contrast([terms[index] for index in order])
    assert one
    assert other
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_a_contrast_of_other_images_adds_the_parts_of_each_set() -> None:
    generator = np.random.default_rng(5)
    tables = [drawn(3, 100, 0.8, 0.2, generator) for _ in range(3)]
    same = [(1.0, sample(tables[0])), (-0.5, sample(tables[1])), (-0.5, sample(tables[2]))]
    apart = [*same[:2], (-0.5, sample(tables[2], OTHER))]
    assert image_parts(apart) == [*image_parts(same[:2]), *image_parts(apart[2:])]
    assert len(image_parts(same)) == 1


def test_a_contrast_without_known_answers_is_over_seeds_alone() -> None:
    groups = [Sample((0.5, 0.52, 0.55)), Sample((0.4, 0.41)), sample(drawn(3, 50, 0.8, 0.2, np.random.default_rng(1)))]
    found = contrast([(1.0, groups[0]), (-0.5, groups[1]), (-0.5, groups[2])])
    assert found
    parts = [each.variance * weight**2 / len(each.values) for weight, each in zip((1, 0.5, 0.5), groups, strict=True)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 + parts[2] ** 2 / 2)
    assert (found.method, found.n) == ("welch", 2)
    assert found.reach == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(sum(parts)), rel=1e-6)


def test_an_interaction_can_be_up_to_two() -> None:
    none, every = sample(np.full((2, 9), False)), sample(np.full((2, 9), True))
    found = contrast([(1.0, every), (-1.0, none), (-1.0, none), (1.0, every)])
    assert found
    assert (found.value, found.high) == (2.0, 2.0)


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(1, 40))
def test_shares_of_the_same_images_vary_at_least_as_the_answers_do(seed: int, seeds: int, images: int) -> None:
    """Only the numbers of correct images are known: no answers with these have a larger variance."""
    rows = drawn(seeds, images, 0.8, 0.3, np.random.default_rng(seed))
    found = mean_proportion_same_images([(int(row.sum()), images) for row in rows])
    assert found
    assert (found.method, found.n, found.images) == ("crossed", seeds, images)
    nested = sample(np.arange(images) < rows.sum(axis=1, keepdims=True))
    parts = [each.variance / seeds + image_parts([(1.0, each)])[0][0] for each in (nested, sample(rows))]
    assert parts[0] >= parts[1] - 1e-12
    assert found.interval == pytest.approx(mean_accuracy(nested).interval)


def test_shares_of_the_same_images_need_several_seeds_and_images() -> None:
    assert mean_proportion_same_images([(5, 9)]) == wilson_estimate(5, 9)
    assert mean_proportion_same_images([(0, 0), (0, 0)]) is None


REPETITIONS, IMAGES, SEEDS = 400, 360, 3


def test_of_groups_alike_few_differ_from_the_baseline_on_new_images() -> None:
    """Five comparisons: at most 5% of the families have a false one, with 2 standard errors of the simulation."""
    generator = np.random.default_rng(3)
    false = 0
    for _ in range(REPETITIONS):
        difficulty = generator.normal(size=IMAGES)
        samples = [
            sample(
                1.3 + generator.normal(scale=0.1, size=(SEEDS, 1)) + difficulty + generator.normal(size=(SEEDS, IMAGES))
                > 0
            )
            for _ in range(6)
        ]
        found = [difference(each, samples[0], 5) for each in samples[1:]]
        false += any(each.is_shown for each in found if each)
    assert false / REPETITIONS <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPETITIONS)


def test_intervals_of_means_cover_new_seeds_and_new_images() -> None:
    """Of 95% intervals, at least 92% hold the accuracy of the whole population."""
    generator = np.random.default_rng(4)
    truth = NormalDist().cdf(NormalDist().inv_cdf(0.9) * np.sqrt(2) / np.sqrt(2 + 0.1**2))
    held = 0
    for _ in range(REPETITIONS):
        found = mean_accuracy(sample(drawn(SEEDS, IMAGES, 0.9, 0.1, generator)))
        held += bool(found.interval and found.interval[0] <= truth <= found.interval[1])
    assert held / REPETITIONS >= 0.92
