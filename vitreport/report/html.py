"""A page as one HTML file: it holds its style, its script and its figures, makes no request and works without script.

Its security policy allows this very style and these very scripts, by their hashes, images that it holds itself, and
nothing else.
"""

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from vitreport.formatting import methods, percent, printable
from vitreport.report import tables
from vitreport.report.blocks import Code
from vitreport.report.figures.cache import draw
from vitreport.report.figures.drawing.palette import DARK, LIGHT
from vitreport.report.figures.numbers import Number, Numbers, numbers_of
from vitreport.report.markdown import printed, template_folder
from vitreport.report.page import Page
from vitreport.store.mistakes import place_of

TEMPLATE = "report.html.j2"
NUMBER = re.compile(r"[-+]?\d")
EQUATION = re.compile(r"\b([np]) (=|&lt;) (?=\d)")


def render_html(page: Page, cache_dir: Path) -> str:
    """The page with all its figures, which are drawn where `cache_dir` does not hold them already."""
    numbers = {figure.name: numbers_of(figure, page.summary) for figure in page.figures}
    style = Markup(_colors() + _read("report.css"))
    theme, script = (Markup(_read(name)) for name in ("theme.js", "report.js"))
    values = {
        **printed(page),
        "panels": {figure.name: [Markup(panel) for panel in draw(figure, cache_dir)] for figure in page.figures},
        "numbers": numbers,
        "data": {figure.name: _plain(figure.title, numbers[figure.name]) for figure in page.figures},
        "style": style,
        "theme": theme,
        "script": script,
        "policy": _policy(style, theme, script),
    }
    return _environment().get_template(TEMPLATE).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(template_folder()),
        autoescape=True,
        finalize=_literal,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"methods": methods, "lines": _lines, "number": _number, "is_code": _is_code}
    environment.filters |= {"tile": _tile, "percent": percent, "parts": _parts, "tied": _tied}
    return environment


def _literal(value: Any) -> Any:
    """Foreign text cannot steer a terminal or turn the writing direction; what is escaped follows from autoescape."""
    return value if isinstance(value, Markup) else printable(str(value))


def _lines(text: str) -> Markup:
    return Markup("\n").join(printable(line) for line in text.splitlines())


def _number(value: Number) -> str:
    """0.5633, 1,504,662"""
    if value is None:
        return tables.NOTHING
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _parts(cell: str) -> list[str]:
    """61.0%, then (60.0% to 62.0%, single run): of what begins with a number, where a narrow column may break."""
    return re.split(r" (?=\()|(?<=;) ", cell) if NUMBER.match(cell) else []


def _tied(sentence: str) -> Markup:
    """No line ends within p = 0.03."""
    return Markup(EQUATION.sub(r"\1&nbsp;\2&nbsp;", str(escape(printable(sentence)))))


def _is_code(cell: str) -> bool:
    return isinstance(cell, Code)


def _tile(number: int, side: int) -> str:
    """The part of a contact sheet that shows one image, as a viewBox."""
    left, upper = place_of(number, side)
    return f"{left} {upper} {side} {side}"


def _plain(title: str, numbers: Numbers) -> dict[str, Any]:
    return {
        "title": printable(title),
        "columns": [printable(column) for column in numbers.columns],
        "rows": [[printable(cell) if isinstance(cell, str) else cell for cell in row] for row in numbers.rows],
    }


@cache
def _read(name: str) -> str:
    return (template_folder() / name).read_text(encoding="utf-8")


def _colors() -> str:
    """The palette's names for the style and the figures, each in light and in dark."""
    values = "".join(f"--{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT)
    return f":root{{{values}}}\n"


def _policy(style: str, *scripts: str) -> str:
    allowed = f"style-src {_hash(style)}; script-src {' '.join(map(_hash, scripts))}; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
