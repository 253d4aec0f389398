"""Intervals and tests over plain numbers."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import comb, inf, sqrt
from statistics import NormalDist, mean, variance
from typing import NamedTuple

from vitreport.formatting import SIGNIFICANCE, Estimate

ROUNDING = 1e-12
MOST_TO_FLIP = 20


class Range(NamedTuple):
    """The smallest and the largest value that a quantity can have: no interval of it ends outside."""

    low: float
    high: float

    def clip(self, low: float, high: float) -> tuple[float, float]:
        """Cut an interval to what is possible."""
        return max(low, self.low), min(high, self.high)


SHARE = Range(0.0, 1.0)
DIFFERENCE_OF_SHARES = Range(-1.0, 1.0)
NOT_NEGATIVE = Range(0.0, inf)
ANY_NUMBER = Range(-inf, inf)


def wilson_interval(correct: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion p = correct / count (Wilson 1927), for one run over its test images.

    With z the normal quantile: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n); without images, [0, 1].
    """
    if count == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    proportion, share = correct / count, z * z / count
    centre = proportion + share / 2
    half_width = z * sqrt(proportion * (1 - proportion) / count + share / (4 * count))
    return max(0.0, (centre - half_width) / (1 + share)), min(1.0, (centre + half_width) / (1 + share))


def vary(values: Sequence[float]) -> bool:
    """Whether values differ by more than rounding: those that do not tell nothing of how far others would lie apart."""
    return max(values) - min(values) > ROUNDING * max(map(abs, values))


def t_interval(
    values: Sequence[float], confidence: float = 0.95, possible: Range = ANY_NUMBER
) -> tuple[float, float] | None:
    """The interval of the mean of n >= 2 values, such as one accuracy a seed (Student 1908).

    mean ± t s / sqrt(n), with s² the variance over n - 1 and t the quantile (1 + confidence) / 2 of n - 1 degrees
    of freedom, cut to what is `possible`. None where they do not vary.
    """
    if not vary(values):
        return None
    centre, error = mean(values), sqrt(variance(values) / len(values))
    half_width = _t_quantile((1 + confidence) / 2, len(values) - 1) * error
    return possible.clip(centre - half_width, centre + half_width)


def welch_interval(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95, possible: Range = ANY_NUMBER
) -> Estimate | None:
    """mean(first) - mean(second) of independent values, at least two each, of unequal variances (Welch 1947).

    With e_i = s_i² / n_i: d ± t sqrt(e_1 + e_2), where t has (e_1 + e_2)² / (e_1²/(n_1 - 1) + e_2²/(n_2 - 1))
    degrees of freedom (Satterthwaite 1946), cut to what is `possible`; p is that of the two-sided t test. None where
    neither varies.
    """
    if not (vary(first) or vary(second)):
        return None
    value = mean(first) - mean(second)
    squares = [variance(values) / len(values) for values in (first, second)]
    total = sum(squares)
    shares = [square / total for square in squares]
    freedom = 1 / sum(share**2 / (len(values) - 1) for share, values in zip(shares, (first, second), strict=True))
    half_width = _t_quantile((1 + confidence) / 2, freedom) * sqrt(total)
    low, high = possible.clip(value - half_width, value + half_width)
    p = 2 * _t_tail(abs(value) / sqrt(total), freedom)
    return Estimate(value, low, high, "welch", min(len(first), len(second)), p=p)


def share(counts: Sequence[tuple[int, int]]) -> Estimate | None:
    """The mean of shares, each (correct, count) of one seed: Student's interval, of a single run Wilson's."""
    counts = [(correct, count) for correct, count in counts if count]
    if len(counts) == 1:
        (correct, count) = counts[0]
        return Estimate(correct / count, *wilson_interval(correct, count), "wilson", 1, images=count)
    found = over_seeds([correct / count for correct, count in counts], SHARE)
    return found and replace(found, images=max(count for _, count in counts))


def over_seeds(values: Sequence[float], possible: Range) -> Estimate | None:
    """The mean of any number, one a seed, with Student's interval cut to what is `possible`.

    A single value has no interval, nor have several that are the same. None without any value.
    """
    if len(values) < 2:
        return Estimate(values[0], None, None, "none", 1) if values else None
    interval = t_interval(values, possible=possible)
    if interval is None:
        return Estimate(values[0], None, None, "equal", len(values))
    return Estimate(mean(values), *interval, "t", len(values))


def gap(pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> Estimate | None:
    """The difference of two shares, paired by seed; of a single run Newcombe's interval."""
    pairs = [(first, second) for first, second in pairs if first[1] and second[1]]
    differences = [first[0] / first[1] - second[0] / second[1] for first, second in pairs]
    if len(pairs) == 1:
        return Estimate(differences[0], *newcombe_interval(*pairs[0]), "newcombe", 1, images=pairs[0][1][1])
    return over_seeds(differences, DIFFERENCE_OF_SHARES)


def newcombe_interval(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """The 95% interval of p_1 - p_2 of two independent shares, each (correct, count) (Newcombe 1998, method 10).

    With l, u the Wilson limits: d - sqrt((p_1 - l_1)² + (u_2 - p_2)²) to d + sqrt((u_1 - p_1)² + (p_2 - l_2)²).
    """
    (low_1, high_1), (low_2, high_2) = wilson_interval(*first), wilson_interval(*second)
    share_1, share_2 = (correct / count if count else 0.0 for correct, count in (first, second))
    difference = share_1 - share_2
    below = sqrt((share_1 - low_1) ** 2 + (high_2 - share_2) ** 2)
    above = sqrt((high_1 - share_1) ** 2 + (share_2 - low_2) ** 2)
    return DIFFERENCE_OF_SHARES.clip(difference - below, difference + above)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that two classifiers are right equally often on the same images (McNemar 1947).

    Of the n images that one of them alone has right, each does so for half: a binomial test. With k the smaller
    count, P(X <= k) is the regularized incomplete beta function I_1/2(n - k, k + 1) (Abramowitz and Stegun 26.5.24).
    """
    from scipy.special import betainc

    fewer, more = sorted((only_first, only_second))
    tail = float(betainc(more, fewer + 1, 0.5)) if more else 1.0
    return min(1.0, 2 * tail)


def sign_flip(differences: Sequence[float]) -> float:
    """The exact two-sided p-value that paired differences, one a seed, lie evenly around 0 (Fisher 1935).

    The share of all 2^n choices of signs whose sum is at least as far from 0; below six pairs it cannot fall
    under 0.05. At most 20 pairs. Each sum is one of the first half and one of the second half.
    """
    assert 1 <= len(differences) <= MOST_TO_FLIP
    observed = abs(sum(differences)) - ROUNDING * sum(map(abs, differences))
    if observed <= 0:
        return 1.0
    half = len(differences) // 2
    first, second = _signed_sums(differences[:half]), sorted(_signed_sums(differences[half:]))
    above = sum(len(second) - bisect_left(second, observed - total) for total in first)
    below = sum(bisect_right(second, -observed - total) for total in first)
    return (above + below) / (1 << len(differences))


def _signed_sums(differences: Sequence[float]) -> list[float]:
    sums = [0.0]
    for difference in differences:
        sums = [total + signed for total in sums for signed in (difference, -difference)]
    return sums


def difference_over_seeds(
    first: Mapping[int, float], second: Mapping[int, float], comparisons: int = 1
) -> Estimate | None:
    """mean(first) - mean(second) of one share a seed, such as an accuracy.

    None with fewer than two seeds of each, or where neither varies. The interval is Welch's, cut at -1 and 1; p is
    that of his test, or of the sign flip over the seeds that both have where these are at most 20 and enough for it
    to be shown over so many comparisons. p is not adjusted.
    """
    if min(len(first), len(second)) < 2:
        return None
    found = welch_interval([*first.values()], [*second.values()], possible=DIFFERENCE_OF_SHARES)
    if found is None:
        return None
    paired = [first[seed] - second[seed] for seed in first if seed in second]
    is_enough = 2 * comparisons / 2 ** len(paired) < SIGNIFICANCE
    return replace(found, p=sign_flip(paired)) if is_enough and len(paired) <= MOST_TO_FLIP else found


def differences_over_seeds(
    levels: Sequence[Mapping[int, float]], baseline: Mapping[int, float] | None, *, is_chosen: bool = False
) -> list[Estimate | None]:
    """Each level less the baseline, one of them, as `difference_over_seeds`, with p adjusted by Holm.

    None for the baseline itself, for all of them without one, and where nothing can be said. `is_chosen` as in
    `comparisons_with`; of several seeds also those count that do not vary, which is known only when they are there.
    """
    if baseline is None:
        return [None] * len(levels)
    several = sum(len(level) > 1 for level in levels if level is not baseline)
    comparisons = comparisons_with(several, is_chosen=is_chosen)
    found = [None if level is baseline else difference_over_seeds(level, baseline, comparisons) for level in levels]
    adjusted = iter(holm([each.p for each in found if each and each.p is not None], comparisons))
    return [each and replace(each, p=next(adjusted), comparisons=comparisons) for each in found]


def comparisons_with(others: int, *, is_chosen: bool) -> int:
    """Over how many comparisons the p-values of `others` beside one baseline are to be adjusted.

    Over these where it was fixed in advance. Where it was chosen by what is compared, such as the highest of all,
    over the k (k - 1) / 2 pairs of all k = others + 1: whichever is chosen, its comparisons are among them.
    """
    return comb(others + 1, 2) if is_chosen else others


def holm(p_values: Sequence[float], comparisons: int | None = None) -> list[float]:
    """The p-values of m comparisons adjusted so that one error among all is as rare as in one (Holm 1979).

    In ascending order the i-th, from 0, becomes max over j <= i of min(1, (m - j) p_j). Of more `comparisons` than
    are given the others count as p = 1: what is below a threshold so, is so with any values of theirs.
    """
    adjusted, largest = list(p_values), 0.0
    count = comparisons or len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


@cache
def _t_quantile(probability: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def _t_tail(statistic: float, freedom: float) -> float:
    """The probability of a t above `statistic`."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -statistic))
