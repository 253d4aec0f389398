from itertools import combinations
from math import sqrt
from statistics import mean, variance
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest, permutation_test

from vitreport.intervals import (
    DIFFERENCE_OF_SHARES,
    NOT_NEGATIVE,
    SHARE,
    comparisons_with,
    difference_over_seeds,
    differences_over_seeds,
    holm,
    mcnemar,
    newcombe_interval,
    sign_flip,
    t_interval,
    welch_interval,
    wilson_interval,
)

COUNTS = st.integers(1, 10**6).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count)))


@given(COUNTS, st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]))
def test_the_interval_is_scipys(counts: tuple[int, int], confidence: float) -> None:
    expected = binomtest(*counts).proportion_ci(confidence, method="wilson")
    assert wilson_interval(*counts, confidence) == pytest.approx((expected.low, expected.high), rel=0, abs=1e-12)


@given(COUNTS)
def test_the_interval_lies_around_the_proportion_and_between_0_and_1(counts: tuple[int, int]) -> None:
    low, high = wilson_interval(*counts)
    proportion = counts[0] / counts[1]
    assert 0 <= low <= high <= 1
    assert low - 1e-15 <= proportion <= high + 1e-15


@given(COUNTS)
def test_counting_errors_instead_mirrors_the_interval(counts: tuple[int, int]) -> None:
    correct, count = counts
    low, high = wilson_interval(correct, count)
    assert wilson_interval(count - correct, count) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_without_images_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


VALUES = st.lists(st.floats(-1, 1), min_size=2, max_size=12)


def spread(values: list[float]) -> bool:
    """Whether the variance is no matter of rounding."""
    return variance(values) > 1e-12


@given(VALUES.filter(spread), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_of_a_mean_is_scipys(values: list[float], confidence: float) -> None:
    expected = stats.t.interval(confidence, len(values) - 1, loc=mean(values), scale=stats.sem(values))
    assert t_interval(values, confidence) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5).filter(spread))
def test_an_interval_is_cut_to_what_is_possible(values: list[float]) -> None:
    whole = t_interval(values)
    assert whole
    assert t_interval(values, possible=SHARE) == (max(0.0, whole[0]), min(1.0, whole[1]))
    assert t_interval(values, possible=NOT_NEGATIVE) == (max(0.0, whole[0]), whole[1])


def test_a_difference_of_shares_lies_between_minus_1_and_1() -> None:
    """Welch's interval of two seeds each is much wider; p is that of the test all the same."""
    first, second = {0: 1.0, 1: 0.1}, {0: 0.0, 1: 0.2}
    found, whole = difference_over_seeds(first, second), welch_interval([*first.values()], [*second.values()])
    assert found
    assert whole
    assert whole.interval
    assert whole.interval[0] < -1 < 1 < whole.interval[1]
    assert found.interval == DIFFERENCE_OF_SHARES
    assert (found.value, found.p) == (whole.value, whole.p)


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    """Moore, McCabe and Craig, Introduction to the Practice of Statistics: vitamin C in corn soy blend, 22.5 +- 6.0."""
    assert t_interval([26, 31, 23, 22, 11, 22, 14, 31]) == pytest.approx((16.5, 28.5), abs=0.05)


@given(VALUES.filter(spread), VALUES.filter(spread), st.sampled_from([0.9, 0.95]))
def test_welchs_interval_and_test_are_scipys(first: list[float], second: list[float], confidence: float) -> None:
    expected = stats.ttest_ind(first, second, equal_var=False)
    found = welch_interval(first, second, confidence)
    assert found
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(confidence)), rel=1e-6, abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-9)


@given(VALUES.filter(spread), VALUES)
def test_a_difference_and_its_reverse_are_mirrored(first: list[float], second: list[float]) -> None:
    one, other = welch_interval(first, second), welch_interval(second, first)
    assert one
    assert other
    turned = other.turned()
    assert (one.value, one.low, one.high, one.p) == pytest.approx(
        (turned.value, turned.low, turned.high, turned.p), abs=1e-12
    )


def test_values_that_do_not_vary_tell_nothing_of_the_noise() -> None:
    """Nor does what differs by rounding: 0.3 - 0.2 is not 0.2 - 0.1."""
    assert t_interval([0.5, 0.5, 0.5]) is None
    assert t_interval([0.3 - 0.2, 0.2 - 0.1]) is None
    assert t_interval([0.0, 0.0]) is None
    assert t_interval([0.5, 0.5 + 1 / 10**7]) is not None
    assert welch_interval([0.5, 0.5], [0.25, 0.25, 0.25]) is None
    assert welch_interval([0.5, 0.5], [0.25, 0.25, 0.26]) is not None


def test_the_signs_decide_where_there_are_enough_to_show_a_difference() -> None:
    """Six for one comparison, 2 / 2^6 < 0.05; ten for fifteen: with fewer nothing could be shown, and Welch decides."""
    first, second = {seed: 0.5 + seed / 100 for seed in range(9)}, {seed: 0.4 + seed / 90 for seed in range(9)}
    for seeds, comparisons, are_enough in ((5, 1, False), (6, 1, True), (6, 2, False), (7, 2, True), (9, 15, False)):
        one, other = dict([*first.items()][:seeds]), dict([*second.items()][:seeds])
        found = difference_over_seeds(one, other, comparisons)
        welch = welch_interval([*one.values()], [*other.values()])
        assert found
        assert welch
        assert (found.value, found.interval) == (welch.value, welch.interval)
        assert found.p == (2 / 2**seeds if are_enough else welch.p)
    assert difference_over_seeds({0: 0.5}, second) is None


def test_holm_is_the_published_procedure() -> None:
    """By hand: in order 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1, which may not fall below."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


P_VALUES = st.lists(st.floats(0, 1), max_size=8)


@given(P_VALUES)
def test_holm_keeps_the_order_and_lies_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for raw, found in zip(p_values, adjusted, strict=True):
        assert raw <= found <= min(1, raw * len(p_values)) + 1e-12
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[index] for index in ranked] == sorted(adjusted)


@given(COUNTS, COUNTS)
def test_the_interval_of_a_difference_holds_it_and_is_mirrored(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = newcombe_interval(first, second)
    difference = first[0] / first[1] - second[0] / second[1]
    assert -1 - 1e-12 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1 + 1e-12
    assert newcombe_interval(second, first) == pytest.approx((-high, -low), abs=1e-12)


def test_newcombes_example() -> None:
    """Table II of Newcombe (1998): 56/70 - 48/80, method 10, is 0.0524 to 0.3339."""
    assert newcombe_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_binomial_test(only_first: int, only_second: int) -> None:
    both = only_first + only_second
    expected = binomtest(only_first, both).pvalue if both else 1.0
    assert mcnemar(only_first, only_second) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("alone", [(0, 10**6), (400_000, 600_000), (499_000, 501_000), (1, 2), (0, 0)])
def test_mcnemar_of_a_million_images_takes_no_time(alone: tuple[int, int]) -> None:
    """With whole numbers of as many digits it took minutes."""
    started = process_time()
    found = mcnemar(*alone)
    assert process_time() - started < 1
    assert found == pytest.approx(binomtest(alone[0], sum(alone)).pvalue if any(alone) else 1.0, rel=1e-9)


@pytest.mark.parametrize(
    "differences", [(0.02, -0.01, 0.03), (0.5, 0.5, 0.5, -0.5), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (0.0, 0.0)]
)
def test_the_sign_flip_is_scipys_permutation_test(differences: tuple[float, ...]) -> None:
    expected = permutation_test(
        (differences,), sum, permutation_type="samples", n_resamples=float("inf"), alternative="two-sided"
    )
    assert sign_flip(differences) == pytest.approx(expected.pvalue)


def test_five_seeds_cannot_flip_to_significance_and_six_can() -> None:
    assert sign_flip([1.0] * 5) == 2 / 2**5 > 0.05
    assert sign_flip([1.0] * 6) == 2 / 2**6 < 0.05


def test_twenty_seeds_flip_exactly_and_at_once() -> None:
    """Of whole numbers every sum is exact: of 1 to 20, 2^20 choices of signs."""
    differences = [float(value * (-1) ** (value % 3 == 0)) for value in range(1, 21)]
    choices = np.array([0.0])
    for value in differences:
        choices = np.concatenate([choices + value, choices - value])
    started = process_time()
    assert sign_flip(differences) == (abs(choices) >= abs(sum(differences))).mean()
    assert process_time() - started < 0.1


def test_a_baseline_chosen_by_its_result_is_compared_as_if_with_all_pairs() -> None:
    levels = [{0: 0.5, 1: 0.51, 2: 0.52}, {0: 0.4, 1: 0.41, 2: 0.43}, {0: 0.52, 1: 0.53, 2: 0.55}, {0: 0.9}]
    raw = [difference_over_seeds(level, levels[2]) for level in levels[:2]]
    p_values = sorted(each.p for each in raw if each and each.p is not None)
    for is_chosen, comparisons in ((False, 2), (True, 3)):
        found = differences_over_seeds(levels, levels[2], is_chosen=is_chosen)
        assert [each and each.comparisons for each in found] == [comparisons, comparisons, None, None]
        adjusted = sorted(each.p for each in found if each and each.p is not None)
        assert adjusted == pytest.approx([comparisons * p_values[0], (comparisons - 1) * p_values[1]])
    assert differences_over_seeds(levels, None) == [None] * 4


@given(st.lists(st.floats(0, 1), min_size=15, max_size=15), st.integers(0, 5))
def test_what_is_shown_of_the_chosen_one_holms_shows_over_all_pairs(p_values: list[float], chosen: int) -> None:
    """So the chance of any false difference is at most that of Holm's procedure, whichever was chosen and why."""
    pairs = list(combinations(range(6), 2))
    own = [index for index, pair in enumerate(pairs) if chosen in pair]
    assert comparisons_with(len(own), is_chosen=True) == len(pairs)
    whole = holm(p_values)
    for index, found in zip(own, holm([p_values[index] for index in own], len(pairs)), strict=True):
        assert found >= whole[index] - 1e-12


NULLS, ARMS, SEEDS = 2000, 6, 6
ALLOWED = 0.05 + 2 * sqrt(0.05 * 0.95 / NULLS)


def test_the_best_of_six_that_are_alike_differs_from_none_in_95_of_100_cases() -> None:
    """With the correction for a baseline fixed in advance it would in fewer."""
    false = {False: 0, True: 0}
    for values in np.random.default_rng(1).normal(0.9, 0.01, (NULLS, ARMS, SEEDS)).tolist():
        levels = [dict(enumerate(each)) for each in values]
        best = max(levels, key=lambda level: mean(level.values()))
        for is_chosen in false:
            found = differences_over_seeds(levels, best, is_chosen=is_chosen)
            false[is_chosen] += any(each.is_shown for each in found if each)
    assert false[True] / NULLS <= ALLOWED < false[False] / NULLS
