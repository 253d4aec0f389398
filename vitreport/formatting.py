"""Write numbers, estimates, values and foreign text for people. Every function is pure."""

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any, Literal

UNVARYING = "seeds that do not vary"
SIGNIFICANCE = 0.05
NOT_ASCII = re.compile(r"[^\x20-\x7e\n]")
SMALLEST_POINTS = 0.05  # in percentage points: what is smaller needs another digit
FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take full-width signs too)


Method = Literal["t", "wilson", "welch", "newcombe", "none", "equal"]
METHODS: dict[Method, str] = {
    "t": "Student's t interval of the mean over seeds",
    "wilson": "Wilson's interval over the test images of a single run",
    "welch": "Welch's interval of the difference of two means over seeds",
    "newcombe": "Newcombe's interval of the difference of two shares of images in a single run",
    "none": "a single run, without an interval",
    "equal": f"{UNVARYING}, without an interval",
}


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval and what that rests on.

    Attributes:
        value: The number; accuracies and their differences are fractions.
        low, high: The ends of the interval, cut to what is possible; None without an interval.
        method: "t" is Student's interval of the mean over `n` seeds, "welch" that of a difference of two such means;
            of a single run "wilson" is the interval of a share of `images`, "newcombe" that of a difference of two
            shares. Without an interval are "none", one seed of something that is no share, and "equal", seeds that
            have the same value and so give no estimate of the variation between seeds.
        n: The number of seeds; of a difference that of the side which has fewer.
        images: The number of images, of an accuracy.
        p, comparisons: The p-value that a difference is 0, adjusted by Holm over so many comparisons.
    """

    value: float
    low: float | None
    high: float | None
    method: Method
    n: int
    images: int | None = None
    p: float | None = None
    comparisons: int = 1

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def reach(self) -> float:
        """The distance of the further end of the interval from the value, 0 without an interval.

        This is the half-width before the interval was cut: a bound cuts the shorter side only, unless it cuts both.
        """
        return max(self.value - self.interval[0], self.interval[1] - self.value) if self.interval else 0.0

    @property
    def is_shown(self) -> bool:
        """Whether a difference is shown: its interval does not hold 0, and p is small after Holm's adjustment."""
        if self.interval is None or self.p is None:
            return False
        return not self.interval[0] <= 0 <= self.interval[1] and self.p < SIGNIFICANCE

    def turned(self) -> "Estimate":
        """Return the difference with its two sides exchanged."""
        low, high = (-self.interval[1], -self.interval[0]) if self.interval else (None, None)
        return replace(self, value=-self.value, low=low, high=high)

    def in_percent(self, digits: int = 1) -> str:
        """Write 56.3% ± 1.5 (n = 3), or 61.0% (60.0% to 62.0%, single run).

        Several seeds have both ends, too, where the half-width would reach beyond 0 or 100%.
        """
        value = percent(self.value, digits)
        if self.interval is None:
            return f"{value} {self._no_interval()}"
        points = 100 * self.reach
        half_width = f"{points:.{digits if points >= SMALLEST_POINTS else max(2, digits)}f}"
        centre = round(100 * self.value, digits)
        if self.n > 1 and float(half_width) <= min(centre, 100 - centre):
            return f"{value} ± {half_width} (n = {self.n})"
        ends = " to ".join(percent(end, digits) for end in self.interval)
        return f"{value} ({ends}, {f'n = {self.n}' if self.n > 1 else 'single run'})"

    def in_numbers(self) -> str:
        """Write 12.3 ± 0.4 (n = 3), 1.5 (1.0 to 7.9, n = 2) for a cut interval, or 7 (single run, no interval)."""
        if self.interval is None:
            return f"{round(self.value, 1):g} {self._no_interval()}"
        value, (low, high) = f"{self.value:.1f}", self.interval
        if not isclose(self.value - low, high - self.value, abs_tol=0.05):
            return f"{value} ({low:.1f} to {high:.1f}, n = {self.n})"
        return f"{value} ± {self.reach:.1f} (n = {self.n})"

    def points(self) -> str:
        """Write the size of a difference of accuracies: 2.2 points."""
        return f"{_points(abs(self.value))} points"

    def signed_points(self) -> str:
        """Write a difference of accuracies with its interval, both in percentage points: -2.2 (-3.4 to -0.9)."""
        value = _points(self.value, "+")
        return f"{value} ({self._signed_ends()})" if self.interval else value

    def evidence(self) -> str:
        """Write what a difference rests on, with an interval on the side of its value.

        "unadjusted 95% interval 0.9 to 3.4, n = 3, p = 0.025 by Holm over 2 comparisons"
        """
        if self.interval is None:
            return "a single run, no interval"
        low, high = (self.turned() if self.value < 0 else self).interval or self.interval
        return self._evidence(f"{_points(low)} to {_points(high)}")

    def signed_evidence(self) -> str:
        """Write a difference and what it rests on: -2.2 points, 95% interval -3.4 to -0.9, n = 3, p = 0.025."""
        return f"{_points(self.value, '+')} points, {self._evidence(self._signed_ends())}"

    def _evidence(self, ends: str) -> str:
        words = [
            f"{'unadjusted ' if self.comparisons > 1 else ''}95% interval {ends}",
            f"n = {self.n}" if self.n > 1 else "a single run",
            *([] if self.p is None else [p_value(self.p, self.comparisons)]),
        ]
        return ", ".join(words)

    def _signed_ends(self) -> str:
        return " to ".join(_points(end, "+") for end in self.interval or ())

    def _no_interval(self) -> str:
        return f"({'single run' if self.n == 1 else f'{self.n} {UNVARYING}'}, no interval)"


def _points(fraction: float, sign: str = "") -> str:
    """Write 2.2; a small number has one digit more, so that its sign is seen, and 0 has no sign."""
    points = 100 * fraction
    digits = 2 if SMALLEST_POINTS / 10 <= abs(points) < SMALLEST_POINTS else 1
    return f"{points:{sign}z.{digits}f}"


def p_value(p: float | None, comparisons: int = 1) -> str:
    """Write p = 0.025 by Holm over 2 comparisons."""
    if p is None:
        return "no p-value"
    return f"p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}{by_holm(comparisons)}"


def by_holm(comparisons: int) -> str:
    return f" by Holm over {counted(comparisons, 'comparison')}" if comparisons > 1 else ""


def each_with_evidence(differences: Sequence[tuple[str, Estimate]]) -> str:
    """Write A (-2.2, -3.4 to -0.9, p = 0.025) and B (...), and once at the end what all of them rest on."""
    (name, first), *others = differences
    if not others:
        return f"{name} ({first.signed_evidence()})"
    words = joined(
        f"{name} ({_points(difference.value, '+')}, {difference._signed_ends()}, {p_value(difference.p)})"
        for name, difference in differences
    )
    counts = joined(map(str, sorted({difference.n for _, difference in differences})))
    unadjusted = "unadjusted " if first.comparisons > 1 else ""
    return f"{words}; differences in points, {unadjusted}95% intervals, n = {counts}, p{by_holm(first.comparisons)}"


def methods(estimates: Iterable[Estimate | None]) -> str:
    """Write how the intervals of estimates were computed.

    "95% intervals: Student's t interval of the mean over seeds (n = 3). The p-values are adjusted by Holm ..."
    """
    counts: dict[Method, set[int]] = {}
    comparisons = 1
    for estimate in filter(None, estimates):
        counts.setdefault(estimate.method, set()).add(estimate.n)
        comparisons = max(comparisons, estimate.comparisons)
    if not counts:
        return "No interval: there is no result."
    several = {method: sorted(count for count in counts.get(method, ()) if count > 1) for method in METHODS}
    words = [
        METHODS[method] + (f" (n = {joined(map(str, several[method]))})" if several[method] else "")
        for method in METHODS
        if method in counts
    ]
    adjusted = f" The p-values are adjusted{by_holm(comparisons)}, the intervals are not." if comparisons > 1 else ""
    return f"95% intervals: {'; '.join(words)}.{adjusted}"


def joined(words: Iterable[str]) -> str:
    """a, b and c"""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def percent(fraction: float, digits: int = 2) -> str:
    """0.975 is 97.50%"""
    return f"{100 * fraction:.{digits}f}%"


def compact(number: float) -> str:
    """Three digits and a metric suffix: 1504662 is 1.50M."""
    for suffix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{suffix}" if abs(number) < 999.5 * size else f"{number / size:.0f}{suffix}"
    return f"{number:.3g}"


def rate(number: float) -> str:
    """1,234"""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}"


def duration(seconds: float) -> str:
    """0:00:51"""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def counted(count: int | str, noun: str) -> str:
    """1 thread, 2,000 threads"""
    number = f"{count:,}" if isinstance(count, int) else count
    return f"{number} {noun}{'' if number == '1' else 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """a, b, c, d, e and 10 more"""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """The nearest allowed names as a hint; without a near one, all of them where they are few."""
    names = list(dict.fromkeys(allowed))
    holding = [each for each in names if len(name) > 2 and name in each]
    if near := difflib.get_close_matches(name, names, n=2, cutoff=0.6) or holding[:2]:
        return f"did you mean {' or '.join(near)}?"
    return f"one of {', '.join(names)}" if 0 < len(names) <= 20 else ""


def toml_value(value: Any) -> str:
    """A spec's value as TOML writes it, on one line; nothing as "none"."""
    import tomli_w

    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if value == {}:
        return "{}"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml_value(each)}' for key, each in value.items())} }}"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def printable(text: str) -> str:
    """Text of unknown origin without control characters and without changes of the writing direction."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def json_document(value: Any) -> str:
    """Write a value as indented JSON whose text stays readable; what a terminal would obey is escaped.

    Control characters, changes of the writing direction and invisible characters are written as `\\u202e`. NaN and
    infinities raise ValueError.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    return NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def spreadsheet_text(text: str) -> str:
    """Text without control characters, and with an apostrophe where a spreadsheet would take it for a formula."""
    plain = "".join(character for character in text if character.isprintable())
    return f"'{plain}" if plain.lstrip().startswith(FORMULA_SIGNS) else plain


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return CSV (RFC 4180, a newline after each row): numbers with all their digits, no formulas, None as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([spreadsheet_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()
