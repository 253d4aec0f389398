"""Numbers as people read them. Every function is pure and returns text."""

from collections.abc import Sequence
from typing import Any

from vitreport.statistics import wilson_interval
from vitreport.store.record import MeasurementRecord

SPARKS = "▁▂▃▄▅▆▇█"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}%"


def accuracy_interval(measured: MeasurementRecord) -> tuple[float, float]:
    """The Wilson interval of one run's accuracy over the images of a split."""
    return wilson_interval(round(measured.accuracy * measured.count), measured.count)


def interval(measured: MeasurementRecord) -> str:
    """95% interval 95.32% to 98.68%"""
    low, high = accuracy_interval(measured)
    return f"95% interval {percent(low)} to {percent(high)}"


def compact(number: float) -> str:
    """Three digits and a metric suffix: 1504662 is 1.50M."""
    for suffix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{suffix}" if abs(number) < 999.5 * size else f"{number / size:.0f}{suffix}"
    return f"{number:.3g}"


def flops(forward: int, training: int) -> str:
    """55.1M forward, 165M training"""
    return f"{compact(forward)} forward, {compact(training)} training"


def rate(number: float) -> str:
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """0:00:51"""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest `width` values as bars between the smallest and the largest of them."""
    shown = values[-width:]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(SPARKS[round((value - low) / span * (len(SPARKS) - 1))] for value in shown)


def toml_value(value: Any) -> str:
    """A spec's value as TOML writes it, on one line; nothing as "none"."""
    import tomli_w

    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml_value(each)}' for key, each in value.items())} }}"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()
