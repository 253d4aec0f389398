from math import inf
from statistics import mean, variance
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from vitreport.intervals import (
    NOT_NEGATIVE,
    PROPORTION,
    Range,
    Sample,
    difference,
    mcnemar,
    newcombe_interval,
    t_interval,
    wilson_interval,
)

ANY = Range(-inf, inf)
COUNTS = st.integers(1, 10**6).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count)))


@given(COUNTS, st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]))
def test_the_interval_is_scipys(counts: tuple[int, int], confidence: float) -> None:
    expected = binomtest(*counts).proportion_ci(confidence, method="wilson")
    quantile = None if confidence == 0.95 else float(stats.norm.ppf((1 + confidence) / 2))
    assert wilson_interval(*counts, quantile) == pytest.approx((expected.low, expected.high), rel=0, abs=1e-12)


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


@given(VALUES.filter(spread))
def test_the_interval_of_a_mean_is_scipys(values: list[float]) -> None:
    expected = stats.t.interval(0.95, len(values) - 1, loc=mean(values), scale=stats.sem(values))
    assert t_interval(values, ANY) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5).filter(spread))
def test_an_interval_is_cut_to_what_is_possible(values: list[float]) -> None:
    whole = t_interval(values, ANY)
    assert whole
    assert t_interval(values, PROPORTION) == (max(0.0, whole[0]), min(1.0, whole[1]))
    assert t_interval(values, NOT_NEGATIVE) == (max(0.0, whole[0]), whole[1])


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    """Moore, McCabe and Craig, Introduction to the Practice of Statistics: vitamin C in corn soy blend, 22.5 +- 6.0."""
    assert t_interval([26, 31, 23, 22, 11, 22, 14, 31], ANY) == pytest.approx((16.5, 28.5), abs=0.05)


def test_values_that_do_not_vary_tell_nothing_of_the_noise() -> None:
    """Nor does what differs by rounding: 0.3 - 0.2 is not 0.2 - 0.1."""
    assert t_interval([0.5, 0.5, 0.5], ANY) is None
    assert t_interval([0.3 - 0.2, 0.2 - 0.1], ANY) is None
    assert t_interval([0.0, 0.0], ANY) is None
    assert t_interval([0.5, 0.5 + 1 / 10**7], ANY) is not None
    assert difference(Sample((0.5, 0.5)), Sample((0.25, 0.25, 0.25))) is None
    assert difference(Sample((0.5, 0.5)), Sample((0.25, 0.25, 0.26))) is not None


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
