"""A page as one HTML file: it holds its style, its script and its figures, makes no request and works without script.

Its security policy allows this very style and these very scripts, by their hashes, images that it holds itself, and
nothing else. What the file looks like is in templates/: `report.html.j2` is the page, `blocks.html.j2` has a macro for
each kind of block.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from typing import Any, assert_never

from jinja2 import Environment
from markupsafe import Markup, escape

from vitreport.formatting import percent, printable
from vitreport.report import blocks
from vitreport.report.figures.collect import draw
from vitreport.report.figures.figure import Figure
from vitreport.report.figures.palette import DARK, LIGHT
from vitreport.report.markdown import environment, template_folder
from vitreport.report.page import Page
from vitreport.report.sections import sections_of
from vitreport.store.mistakes import place_of

EQUATION = re.compile(r"\b([np]) (=|&lt;) (?=\d)")
BREAK = re.compile(r" (?=\()|(?<=;) ")
"""Where the text of a number may be broken: 61.0%, then (60.0% to 62.0%, single run)."""

LONGEST_UNBROKEN = 32
UNITS = {
    "accuracy": "Accuracies are fractions.",
    "loss": "Losses are in nats.",
    "low": "Low and high are the ends of the 95% interval.",
}


def render_html(page: Page) -> str:
    """Return the page with all its figures."""
    renderer = _Renderer()
    colors = "".join(f"--{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT)
    style = Markup(f":root{{{colors}}}\n{_read('report.css')}")
    theme, script = (Markup(_read(name)) for name in ("theme.js", "report.js"))
    allowed = f"style-src {_hash(style)}; script-src {_hash(theme)} {_hash(script)}; img-src data:"
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            sections=[(section, renderer.render(section.blocks)) for section in sections_of(page)],
            style=style,
            theme=theme,
            script=script,
            policy=f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'",
        )
    )


class _Renderer:
    """Blocks as HTML: a macro of blocks.html.j2 for each kind."""

    def __init__(self) -> None:
        self._macros: Any = _environment().get_template("blocks.html.j2").module

    def render(self, content: Iterable[blocks.Block]) -> Markup:
        return Markup().join(map(self._block, content))

    def _block(self, content: blocks.Block) -> Markup:
        rendered: Markup
        match content:
            case blocks.Heading(text):
                rendered = self._macros.heading(text)
            case blocks.Paragraph(text, style):
                rendered = self._macros.paragraph(_inline(text), style)
            case blocks.Alert(text):
                rendered = self._macros.alert(_inline(text))
            case blocks.Bullets(items):
                rendered = self._macros.bullets(map(_inline, items))
            case blocks.CodeBlock(text):
                rendered = self._macros.code(Markup("\n").join(map(printable, text.splitlines())))
            case blocks.Table():
                rendered = self._macros.table(content)
            case blocks.Figures(figures):
                rendered = self._macros.figures(map(self._figure, figures))
            case blocks.Gallery(figure):
                rendered = self._gallery(figure)
            case blocks.Details(summary, inner):
                rendered = self._macros.details(summary, self.render(inner))
            case _:
                assert_never(content)
        return rendered

    def _figure(self, figure: Figure) -> Markup:
        panels = [Markup(panel) for panel in draw(figure)]
        figure_: Markup = self._macros.figure(figure, panels, self._data(figure))
        return figure_

    def _gallery(self, figure: Figure) -> Markup:
        mistakes: Any = figure.data
        tiles = []
        for number, mistake in enumerate(mistakes.mistakes):
            left, upper = place_of(number, mistakes.side)
            tiles.append((mistake, f"{left} {upper} {mistakes.side} {mistakes.side}"))
        gallery: Markup = self._macros.gallery(figure, tiles, self._data(figure))
        return gallery

    def _data(self, figure: Figure) -> Markup:
        """The numbers of a figure, folded."""
        numbers = figure.table
        align = "".join("l" if isinstance(cell, str) else "r" for cell in numbers.rows[0])
        rows = tuple(tuple(map(_number, row)) for row in numbers.rows)
        content = blocks.Table(f"Data: {figure.title}", numbers.columns, rows, f"l{align[1:]}")
        units = " ".join(told for column, told in UNITS.items() if column in numbers.columns)
        data: Markup = self._macros.data(figure.title, content, units)
        return data


@cache
def _environment() -> Environment:
    return environment(_printed, {"cell": _cell, "value": _value, "percent": percent})


def _printed(value: Any) -> Any:
    """Foreign text cannot steer a terminal or turn the writing direction; what is escaped follows from autoescape."""
    return value if isinstance(value, Markup) else printable(str(value))


def _inline(text: blocks.Text) -> Markup:
    return Markup(" ").join(map(_inline_part, blocks.parts(text)))


def _inline_part(part: str | blocks.Link) -> Markup:
    """No line ends within p = 0.03."""
    if isinstance(part, blocks.Link):
        return Markup('<a href="#{}">{}</a>').format(part.anchor, printable(part.text))
    if isinstance(part, blocks.Code):
        return Markup("<code>{}</code>").format(printable(part))
    return Markup(EQUATION.sub(r"\1&nbsp;\2&nbsp;", str(escape(printable(part)))))


def _cell(cell: str) -> Markup:
    """The text of a table cell; a number with its interval is broken between these alone."""
    text = printable(cell)
    if isinstance(cell, blocks.Code):
        return Markup("<code>{}</code>").format(text) if text else Markup()
    if not isinstance(cell, blocks.Number) or " " not in text:
        return escape(text)
    return Markup(" ").join(
        Markup("<span>{}</span>").format(piece) if len(piece) <= LONGEST_UNBROKEN else escape(piece)
        for piece in BREAK.split(text)
    )


def _value(cell: str) -> Markup:
    """The attribute that says what a number is sorted by."""
    return Markup(' data-value="{}"').format(repr(cell.value)) if isinstance(cell, blocks.Number) else Markup()


def _number(value: str | float | None) -> str:
    """0.5633, 1,504,662"""
    if value is None:
        return blocks.NOTHING
    if isinstance(value, str):
        return value
    return blocks.Number(f"{value:,}" if isinstance(value, int) else f"{value:.4f}", value)


@cache
def _read(name: str) -> str:
    return (template_folder() / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
