"""Numbers, values and foreign text as people read them. Every function is pure."""

import json
import re
from collections.abc import Sequence
from typing import Any

UNVARYING = "seeds that do not vary"
LINE_CHARACTERS = 80
NOT_ASCII = re.compile(r"[^\x20-\x7e\n]")
SMALLEST_POINTS = 0.05  # in percentage points: what is smaller needs another digit
FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take full-width signs too)


def percent(fraction: float, digits: int = 2) -> str:
    """0.975 is 97.50%"""
    return f"{100 * fraction:.{digits}f}%"


def percentage_half_width(share: float, half_width: float, digits: int = 2) -> str:
    """2.1, to stand after "97.5% ±"; nothing where these two, as they are printed, reach beyond 0 or 100%."""
    points = 100 * half_width
    told = f"{points:.{digits if points >= SMALLEST_POINTS else max(2, digits)}f}"
    centre = round(100 * share, digits)
    return told if float(told) <= min(centre, 100 - centre) else ""


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


def toml_lines(value: Any) -> list[str]:
    """As `toml_value`, but tables, and lists of them, that are longer than a line go over several."""
    line = toml_value(value)
    if len(line) <= LINE_CHARACTERS:
        return [line]
    if isinstance(value, dict):
        return _table_lines(value)
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        items = [toml_lines(item) for item in value]
        return ["[", *(f"  {line}" for *most, last in items for line in (*most, f"{last},")), "]"]
    return [line]


def _table_lines(table: dict[str, Any]) -> list[str]:
    lines = ["{"]
    for number, (key, value) in enumerate(table.items()):
        first, *more = toml_lines(value)
        lines[-1] += "," * (number > 0)
        if len(lines[-1]) + len(f" {key} = {first}") <= LINE_CHARACTERS:
            lines[-1] += f" {key} = {first}"
        else:
            lines.append(f"  {key} = {first}")
        lines += more
    lines[-1] += " }"
    return lines


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
