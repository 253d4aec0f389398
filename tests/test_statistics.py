import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from vitreport.statistics import wilson_interval

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
