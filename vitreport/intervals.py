"""Confidence intervals over plain numbers, and McNemar's test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, inf, sqrt
from statistics import NormalDist, mean, stdev, variance
from typing import TYPE_CHECKING, Any, NamedTuple

from vitreport.formatting import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUNDING = 1e-12
SIGNIFICANCE = 0.05


class Range(NamedTuple):
    """The smallest and the largest value that a quantity can have: no interval of it ends outside."""

    low: float
    high: float

    def clip(self, low: float, high: float) -> tuple[float, float]:
        """Cut an interval to what is possible."""
        return max(low, self.low), min(high, self.high)


PROPORTION = Range(0.0, 1.0)
PROPORTION_DIFFERENCE = Range(-1.0, 1.0)
NOT_NEGATIVE = Range(0.0, inf)


@dataclass(frozen=True, eq=False)
class Sample:
    """The test accuracies of the seeds of a group; `images` is None where the answers per image are not known."""

    values: tuple[float, ...]
    images: "NDArray[np.float64] | None" = None  # the mean over the seeds of each image
    residual: float = 0.0  # the mean square of what neither seed nor image explains
    dataset: str = ""  # the fingerprint of the images

    @classmethod
    def from_bits(cls, answers: Sequence[int], count: int, dataset: str) -> "Sample":
        """Reduce the answers of several seeds to `count` images, given as the bits of a number each."""
        import numpy as np

        size = ceil(count / 8)
        packed = [np.frombuffer(bits.to_bytes(size, "big"), np.uint8) for bits in answers]
        right = np.stack([np.unpackbits(row)[8 * size - count :] for row in packed]).astype(np.int64)
        of_seeds, of_images, cells = right.sum(axis=1), right.sum(axis=0), right.size
        squares = int(len(right) * (of_seeds @ of_seeds) + count * (of_images @ of_images))  # without rounding
        unexplained = int(right.sum()) * cells + int(right.sum()) ** 2 - squares
        df = max(1, (len(right) - 1) * (count - 1))
        return cls(tuple((of_seeds / count).tolist()), of_images / len(right), unexplained / cells / df, dataset)

    @property
    def variance(self) -> float:
        """The variance between seeds, never less than what the images alone make."""
        between = variance(self.values) if vary(self.values) else 0.0
        return between if self.images is None else max(between, self.residual / len(self.images))


Terms = Sequence[tuple[float, Sample]]
"""Groups with the weights that their mean accuracies have in a contrast."""


def wilson_interval(correct: float, count: float, quantile: float | None = None) -> tuple[float, float]:
    """Return the score interval of a proportion p = correct / count (Wilson 1927); without images, [0, 1].

    With z the `quantile` (default: normal, of 95%): (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    """
    if count == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.975) if quantile is None else quantile
    proportion, z2_over_n = correct / count, z * z / count
    center = proportion + z2_over_n / 2
    half_width = z * sqrt(max(0.0, proportion * (1 - proportion)) / count + z2_over_n / (4 * count))
    return max(0.0, (center - half_width) / (1 + z2_over_n)), min(1.0, (center + half_width) / (1 + z2_over_n))


def mean_accuracy(sample: Sample) -> Estimate:
    """Return the mean over seeds with an interval for new seeds and new images of the same kind.

    With v the variance between n seeds, a_i the mean of image i of N and r the residual mean square of both,
    V = v/n + var(a)/N - r/(nN). Its degrees of freedom are Satterthwaite's (1946), at least n - 1. The interval is
    Wilson's of m(1 - m)/V images (at most nN) with the quantile of t. The answers must be known.
    """
    assert sample.images is not None
    accuracy, seeds = mean(sample.values), len(sample.values)
    ((image, last),) = image_parts([(1.0, sample)])
    between, count = sample.variance / seeds, last + 1
    images, df = float(count), float(last)
    if 0 < accuracy < 1:
        total = between + image
        images = min(accuracy * (1 - accuracy) / total, float(seeds * count))
        df = max(_satterthwaite_df([(between, seeds - 1), (image, last)]), seeds - 1)
    low, high = wilson_interval(accuracy * images, images, _t_quantile(0.975, max(1.0, df)))
    return Estimate(accuracy, low, high, "crossed", seeds, images=count, deviation=sqrt(sample.variance))


def difference(first: Sample, second: Sample, comparisons: int = 1) -> Estimate | None:
    """Return the difference of the mean accuracies of two groups, as `contrast` does."""
    return contrast([(1.0, first), (-1.0, second)], comparisons)


def contrast(terms: Terms, comparisons: int = 1) -> Estimate | None:
    """Return a sum of weighted mean accuracies of groups; None of a single seed, or where nothing varies.

    With weights c, its variance is the sum of all c²v/n and what the images add (nothing where the answers are not
    known: then the interval of a difference is Welch's); at least that of one image. The intervals of several
    `comparisons` hold together with 95% (Šidák 1967).
    """
    seeds = min(len(sample.values) for _, sample in terms)
    if seeds < 2:
        return None
    parts = [(weight**2 * each.variance / len(each.values), len(each.values) - 1) for weight, each in terms]
    images = image_parts(terms)
    minimum = max((1 / (df + 1) ** 2 for _, df in images), default=0.0)
    half_width = detectable_difference([*parts, *images], minimum, seeds, comparisons)
    if half_width == 0:
        return None
    value = sum(weight * mean(sample.values) for weight, sample in terms)
    possible = Range(*(sum(weight for weight, _ in terms if sign * weight > 0) for sign in (-1, 1)))
    low, high = possible.clip(value - half_width, value + half_width)
    return Estimate(value, low, high, "crossed" if images else "welch", seeds, comparisons=comparisons)


def image_parts(terms: Terms) -> list[tuple[float, int]]:
    """Return what the images add to the variance of a contrast, with its degrees of freedom.

    With a_i the sum of the weighted means of image i of N, this is (var(a) - sum of all c²r/n) / N; one part for each
    set of images, and none where the answers of a group are not known.
    """
    answers: dict[tuple[str, int], tuple[Any, float]] = {}
    for weight, sample in terms:
        if sample.images is None:
            return []
        images = sample.dataset, len(sample.images)
        known, noise = answers.get(images, (0.0, 0.0))
        answers[images] = known + weight * sample.images, noise + weight**2 * sample.residual / len(sample.values)
    return [
        (max(0.0, (float(known.var(ddof=1)) - noise) / count) if count > 1 else 0.0, count - 1)
        for (_, count), (known, noise) in answers.items()
    ]


def detectable_difference(
    parts: Sequence[tuple[float, int]], minimum: float, seeds: int, comparisons: int, power: float = 0.5
) -> float:
    """Return the true difference that is shown with this power (Bloom 1995); with 50% it is half of the interval.

    (t_a + t_power) sqrt(V), with V the sum of the `parts`, at least `minimum`, and t_a the quantile of the interval.
    If the parts sum to less, they may be rounding errors. Then the degrees of freedom are those of the seeds.
    """
    total = sum(part for part, _ in parts)
    df = max(_satterthwaite_df(parts) if total > minimum else 0.0, seeds - 1)
    quantile = _t_quantile((1 + 0.95 ** (1 / comparisons)) / 2, df) + _t_quantile(power, df)
    return quantile * sqrt(max(total, minimum))


def prediction_interval(estimate: Estimate) -> tuple[float, float] | None:
    """Return the 95% prediction interval for the accuracy of one more seed, mean ± t sqrt(v (1 + 1/n))."""
    if estimate.n < 2 or not estimate.deviation:
        return None
    half_width = _t_quantile(0.975, estimate.n - 1) * estimate.deviation * sqrt(1 + 1 / estimate.n)
    return PROPORTION.clip(estimate.value - half_width, estimate.value + half_width)


def vary(values: Sequence[float]) -> bool:
    """Return whether values differ by more than rounding."""
    return max(values) - min(values) > ROUNDING * max(map(abs, values))


def t_interval(values: Sequence[float], possible: Range) -> tuple[float, float] | None:
    """Return the 95% interval of the mean of n >= 2 values (Student 1908), None where they do not vary.

    mean ± t s / sqrt(n), with t the quantile of n - 1 degrees of freedom, cut to what is possible.
    """
    if not vary(values):
        return None
    half_width = _t_quantile(0.975, len(values) - 1) * stdev(values) / sqrt(len(values))
    return possible.clip(mean(values) - half_width, mean(values) + half_width)


def wilson_estimate(correct: int, count: int) -> Estimate:
    """Return the accuracy of one run, with Wilson's interval over its images."""
    return Estimate(correct / count, *wilson_interval(correct, count), "wilson", 1, images=count)


def mean_proportion(counts: Sequence[tuple[int, int]]) -> Estimate | None:
    """Return the mean of shares, each (correct, count) of one seed: Student's interval, of a single run Wilson's."""
    counts = [(correct, count) for correct, count in counts if count]
    if len(counts) == 1:
        return wilson_estimate(*counts[0])
    found = mean_over_seeds([correct / count for correct, count in counts], PROPORTION)
    return found and replace(found, images=max(count for _, count in counts))


def mean_proportion_same_images(counts: Sequence[tuple[int, int]]) -> Estimate | None:
    """Return the mean of shares of the same images, each (correct, count) of one seed, as `mean_accuracy` does.

    Which images are correct is unknown. Assume the worst case: the seeds agree as much as they can, because then the
    images vary most.
    """
    if len(counts) < 2 or len({count for _, count in counts}) > 1 or not counts[0][1]:
        return mean_proportion(counts)
    return mean_accuracy(Sample.from_bits([(1 << correct) - 1 for correct, _ in counts], counts[0][1], ""))


def mean_over_seeds(values: Sequence[float], possible: Range) -> Estimate | None:
    """Return the mean of one number a seed with Student's interval; None without any value.

    A single value has no interval, nor have several that are the same.
    """
    if len(values) < 2:
        return Estimate(values[0], None, None, "none", 1) if values else None
    interval = t_interval(values, possible)
    if interval is None:
        return Estimate(values[0], None, None, "equal", len(values))
    return Estimate(mean(values), *interval, "t", len(values), deviation=stdev(values))


def gap(pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> Estimate | None:
    """Return the difference of two shares, paired by seed; Newcombe's interval of a single run or of equal seeds."""
    pairs = [(first, second) for first, second in pairs if first[1] and second[1]]
    differences = [first[0] / first[1] - second[0] / second[1] for first, second in pairs]
    if pairs and not vary(differences):
        low, high = newcombe_interval(*pairs[0])
        return Estimate(differences[0], low, high, "newcombe", len(pairs), images=pairs[0][1][1])
    return mean_over_seeds(differences, PROPORTION_DIFFERENCE)


def newcombe_interval(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """Return the 95% interval of p_1 - p_2 of two independent shares, each (correct, count) (Newcombe 1998, method 10).

    With l, u the Wilson limits: d - sqrt((p_1 - l_1)² + (u_2 - p_2)²) to d + sqrt((u_1 - p_1)² + (p_2 - l_2)²).
    """
    (low_1, high_1), (low_2, high_2) = wilson_interval(*first), wilson_interval(*second)
    share_1, share_2 = (correct / count if count else 0.0 for correct, count in (first, second))
    below = sqrt((share_1 - low_1) ** 2 + (high_2 - share_2) ** 2)
    above = sqrt((high_1 - share_1) ** 2 + (share_2 - low_2) ** 2)
    return PROPORTION_DIFFERENCE.clip(share_1 - share_2 - below, share_1 - share_2 + above)


def adjusted_significance(comparisons: int) -> float:
    """Return the level of each of k tests so that any of them errs with 5% in total: 1 - 0.95^(1/k) (Šidák 1967)."""
    return 1.0 - float((1 - SIGNIFICANCE) ** (1 / max(1, comparisons)))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value that two classifiers are equally often correct (McNemar 1947).

    Of the images that one of them alone classifies correctly, each does so for half: a binomial test.
    """
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def _satterthwaite_df(parts: Sequence[tuple[float, int]]) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of variances with their own; 0 of nothing."""
    squares = sum(part**2 / df for part, df in parts if part)
    return sum(part for part, _ in parts) ** 2 / squares if squares else 0.0


@cache
def _t_quantile(probability: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))
