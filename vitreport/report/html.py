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
from vitreport.report.figures.palette import DARK, LIGHT
from vitreport.report.markdown import environment, template_folder
from vitreport.report.page import Page
from vitreport.report.sections import sections_of
from vitreport.store.mistakes import place_of

EQUATION = re.compile(r"\b([np]) (=|&lt;) (?=\d)")
BREAK = re.compile(r" (?=\()|(?<=;) ")
"""Where the text of a number may be broken: 61.0%, then (60.0% to 62.0%, single run)."""

LONGEST_UNBROKEN = 32


def render_html(page: Page) -> str:
    """Return the page with all its figures."""
    colors = "".join(f"--{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT)
    style = Markup(f":root{{{colors}}}\n{_read('report.css')}")
    theme, script = (Markup(_read(name)) for name in ("theme.js", "report.js"))
    allowed = f"style-src {_hash(style)}; script-src {_hash(theme)} {_hash(script)}; img-src data:"
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            sections=[(section, _rendered(section.blocks)) for section in sections_of(page)],
            style=style,
            theme=theme,
            script=script,
            policy=f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'",
        )
    )


def _rendered(content: Iterable[blocks.Block]) -> Markup:
    return Markup().join(map(_block, content))


def _block(content: blocks.Block) -> Any:
    """Call the macro of blocks.html.j2 for a kind of block."""
    macros = _macros()
    match content:
        case blocks.Heading(text):
            return macros.heading(text)
        case blocks.Paragraph(text, style):
            return macros.paragraph(_inline(text), style)
        case blocks.Bullets(items):
            return macros.bullets(map(_inline, items))
        case blocks.CodeBlock(text):
            return macros.code(Markup("\n").join(map(printable, text.splitlines())))
        case blocks.Table():
            return macros.table(content)
        case blocks.Figures(figures):
            return macros.figures(map(_figure, figures))
        case blocks.Details(summary, inner):
            return macros.details(summary, _rendered(inner))
        case _:
            assert_never(content)


def _figure(figure: blocks.Figure) -> Any:
    if figure.kind != "mistakes":
        return _macros().figure(figure, list(map(Markup, draw(figure))))
    side = figure.data.side
    places = (place_of(number, side) for number in range(len(figure.data.mistakes)))
    return _macros().gallery(figure, [f"{left} {upper} {side} {side}" for left, upper in places])


@cache
def _macros() -> Any:
    return _environment().get_template("blocks.html.j2").module


@cache
def _environment() -> Environment:
    return environment(_printed, {"cell": _cell, "value": _value, "percent": percent})


def _printed(value: Any) -> Any:
    """Foreign text cannot steer a terminal or turn the writing direction; what is escaped follows from autoescape."""
    return value if isinstance(value, Markup) else printable(str(value))


def _inline(text: blocks.Text | blocks.Link) -> Markup:
    """No line ends within p = 0.03."""
    match text:
        case tuple():
            return Markup(" ").join(map(_inline, text))
        case blocks.Link(shown, anchor):
            return Markup('<a href="#{}">{}</a>').format(anchor, printable(shown))
        case blocks.Code():
            return Markup("<code>{}</code>").format(printable(text))
        case _:
            return Markup(EQUATION.sub(r"\1&nbsp;\2&nbsp;", str(escape(printable(text)))))


def _cell(cell: str) -> Markup:
    """Return the text of a table cell; a number with its interval is broken between these alone."""
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
    """Return the attribute with what a number is sorted by."""
    return Markup(' data-value="{}"').format(repr(cell.value)) if isinstance(cell, blocks.Number) else Markup()


@cache
def _read(name: str) -> str:
    return (template_folder() / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
