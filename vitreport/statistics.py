"""Intervals over plain numbers."""

from math import sqrt
from statistics import NormalDist


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
