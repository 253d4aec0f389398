"""Intervals over plain numbers."""


def wilson_interval(correct: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a proportion (Wilson 1927), for one run's accuracy over its test images."""
    from scipy.stats import binomtest  # takes a second to import

    interval = binomtest(correct, count).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)
