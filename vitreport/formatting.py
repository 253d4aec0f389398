"""Write numbers, estimates, values and foreign text for people. Every function is pure."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

NOT_ASCII = re.compile(r"[^\x20-\x7e\n]")
KEPT = re.compile(  # blanks at which no line ends: 1.3 pp, 0.2 to 2.4, n = 3, 95% CI 4.1, 8 x 8
    r"""(?<=[\d)%])[ ](?=(?:pp|CI|seeds?|epochs?|runs?|images?|MiB|GiB|h|s|ms)\b | to[ ][-+\d] | x[ ]\d)
    | (?<=\d[ ]to|%[ ]to)[ ](?=[-+\d]) | (?<=\d[ ]x)[ ](?=\d) | (?<=%[ ]CI)[ ](?=[-\d])
    | (?<=\b[np])[ ](?=[=<][ ]\d) | (?<=\b[np][ ][=<])[ ](?=\d)""",
    re.VERBOSE,
)
BLANKS = re.compile(r"(?<=\S)[ \t]$|^[ \t]+$", re.MULTILINE)
MIN_SHOWN_PP = 0.05  # in percentage points: what is smaller needs another digit
FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take full-width signs too)


Method = Literal["crossed", "t", "wilson", "welch", "newcombe", "none", "equal"]
INTERVAL_WORDS: dict[Method, str] = {
    "crossed": "over seeds and test images",
    "t": "over seeds (Student's t)",
    "wilson": "over the images of a single run (Wilson)",
    "welch": "over seeds (Welch)",
    "newcombe": "over the images of a single run, or of seeds with equal values (Newcombe)",
    "none": "none for a single run",
    "equal": "none for seeds with equal values",
}
WITHOUT_INTERVAL: set[Method] = {"none", "equal"}


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% confidence interval; accuracies and their differences are fractions."""

    value: float
    low: float | None  # cut to what is possible
    high: float | None
    method: Method
    n: int  # the number of seeds; for a difference, of the side with fewer
    images: int | None = None  # the number of images, of an accuracy
    comparisons: int = 1  # how many intervals of differences hold together with 95%
    deviation: float | None = None  # the standard deviation between seeds

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the interval, if there is one."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def reach(self) -> float:
        """The distance of the further end of the interval from the value, 0 without an interval."""
        return max(self.value - self.interval[0], self.interval[1] - self.value) if self.interval else 0.0

    @property
    def is_shown(self) -> bool:
        """Whether a difference is shown: its interval does not contain 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    def in_percent(self, digits: int = 1, *, seeds: bool = True) -> str:
        """Write 56.3% (54.8 to 57.8, n = 3); a caption may say the number of seeds instead."""
        return self._written(100.0, digits, "%", seeds=seeds)

    def in_numbers(self, *, seeds: bool = True) -> str:
        """Write 12.3 (11.9 to 12.7, n = 3), or 7 (single run, no interval)."""
        return self._written(1.0, 1, "", seeds=seeds)

    def _written(self, scale: float, digits: int, unit: str, *, seeds: bool) -> str:
        known = [f"n = {self.n}" if self.n > 1 else "single run"] if seeds else []
        if self.interval is None:
            shown = f"{scale * self.value:.{digits}f}" if unit else f"{round(self.value, 1):g}"
            known = [f"{self.n} seeds with equal values"] if self.n > 1 else known
            return f"{shown}{unit} ({', '.join([*known, 'no interval'])})"
        if 0 < scale * self.reach < MIN_SHOWN_PP:
            digits = max(2, digits)
        low, value, high = (f"{scale * each:.{digits}f}" for each in (self.interval[0], self.value, self.interval[1]))
        return f"{value}{unit} ({', '.join([f'{low} to {high}', *known])})"

    def in_pp(self) -> str:
        """Write the size of a difference of accuracies with an interval on its side: 2.2 pp (95% CI 0.9 to 3.4)."""
        sign = -1 if self.value < 0 else 1
        ends = " to ".join(_pp(end) for end in sorted(sign * end for end in self.interval or ()))
        return f"{_pp(sign * self.value)} pp{f' (95% CI {ends})' if ends else ''}"

    def in_signed_pp(self) -> str:
        """Write a difference of accuracies with its interval, both in percentage points: -2.2 (-3.4 to -0.9)."""
        ends = f" ({' to '.join(_pp(end, '+') for end in self.interval)})" if self.interval else ""
        return f"{_pp(self.value, '+')}{ends}"


def _pp(fraction: float, sign: str = "") -> str:
    """Write 2.2; a small number has one digit more, so that its sign is seen, and 0 has no sign."""
    points = 100 * fraction
    digits = 2 if MIN_SHOWN_PP / 10 <= abs(points) < MIN_SHOWN_PP else 1
    return f"{points:{sign}z.{digits}f}"


def describe_intervals(estimates: Iterable[Estimate | None], of: Iterable[Estimate | None] = ()) -> str:
    """Describe intervals, as in "95% confidence intervals (3 seeds each): over seeds and test images".

    A difference has the seeds of its smaller side. `of` contains the estimates of all groups in the differences.
    """
    known = [estimate for estimate in estimates if estimate]
    if not known:
        return ""
    used = {estimate.method for estimate in known}
    used = (used - WITHOUT_INTERVAL) or used  # the others say so in their cells
    words = [INTERVAL_WORDS[method] for method in INTERVAL_WORDS if method in used]
    counts = sorted({estimate.n for estimate in (*known, *filter(None, of)) if estimate.n > 1})
    seeds = f" ({' or '.join(map(str, counts))} seeds each)" if counts else ""
    several = max(estimate.comparisons for estimate in known)
    together = (
        f" The intervals of the {several} differences hold simultaneously with 95% confidence." if several > 1 else ""
    )
    return f"95% confidence intervals{seeds}: {'; '.join(words)}.{together}"


def p_value(p: float) -> str:
    """Write p = 0.025; next to 0.05 with as many digits as show on which side it lies."""
    digits = next(digits for digits in range(2, 18) if (float(f"{p:.{digits}g}") < 0.05) == (p < 0.05))
    return "p < 0.001" if p < 0.001 else f"p = {p:.{digits}g}"


def unbroken(text: str) -> str:
    """Join numbers and their units by blanks at which no line ends."""
    return KEPT.sub("\N{NO-BREAK SPACE}", text)


def joined(words: Iterable[str]) -> str:
    """Write a, b and c; an empty string for no words."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def percent(fraction: float, digits: int = 2) -> str:
    """Write 97.50% for 0.975."""
    return f"{100 * fraction:.{digits}f}%"


def compact(number: float) -> str:
    """Write three digits and a metric suffix: 1.50M for 1504662."""
    for suffix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{suffix}" if abs(number) < 999.5 * size else f"{number / size:.0f}{suffix}"
    return f"{number:.3g}"


def rate(number: float) -> str:
    """Write 1,234, or 2.5 for a small number."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}"


def milliseconds(number: float) -> str:
    """Write 3.21 ms, or 1,234 ms."""
    return f"{number:,.0f} ms" if number >= 999.5 else f"{number:.3g} ms"


def duration(seconds: float) -> str:
    """Write 0:00:51."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def counted(count: int | str, noun: str) -> str:
    """Write 1 thread or 2,000 threads."""
    number = f"{count:,}" if isinstance(count, int) else count
    return f"{number} {noun}{'' if number == '1' else 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Write a, b and c, or for more than `most` names: a, b, c, d, e and 10 more."""
    return joined(names if len(names) <= most else [*names[:most], f"{len(names) - most} more"])


def toml_value(value: Any) -> str:
    """Write a value of a spec as TOML on one line; None as "none"."""
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


def printable(text: str, kept: str = "") -> str:
    """Replace control characters and changes of the writing direction in text of unknown origin."""
    return "".join(each if each.isprintable() or each in kept else "\N{REPLACEMENT CHARACTER}" for each in text)


def short(text: str, length: int = 26) -> str:
    """Cut the middle out of a long text: names differ at their ends."""
    text, half = printable(text), (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - 1 - half]}…{text[-half:]}"


def shortened_apart(names: Sequence[str], least: int) -> list[str]:
    """Cut the middle out of long names, to `least` characters or as many as keep them apart."""
    longest = max(map(len, names), default=least)
    cuts = ([short(name, length) for name in names] for length in range(least, longest + 1))
    return next((cut for cut in cuts if len({*cut}) == len({*names})), list(map(printable, names)))


def tidy(markdown: str) -> str:
    """Return Markdown without empty lines around it and single trailing spaces (two of them break the line)."""
    return BLANKS.sub("", markdown).lstrip("\n").rstrip()


def json_document(value: Any, plain: Callable[[Any], Any] | None = None) -> str:
    """Write indented JSON with readable text; what a terminal would obey is escaped.

    What JSON does not know is written as `plain` returns it. Raises ValueError if there is a NaN or an infinity.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False, default=plain)
    return NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Write CSV (RFC 4180): numbers with all their digits, None as nothing, no text that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_spreadsheet_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def _spreadsheet_text(text: str) -> str:
    plain = "".join(character for character in text if character.isprintable())
    return f"'{plain}" if plain.lstrip().startswith(FORMULA_SIGNS) else plain
