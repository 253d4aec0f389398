"""A page as one HTML file: it holds its style, its script and its figures, makes no request and works without script.

Its security policy allows this style and these scripts, by their hashes, and images that it holds itself. What it looks
like is in templates/: `report.html.j2` is the page, `blocks.html.j2` has a macro for each kind of block.
"""

import hashlib
import re
from base64 import b64encode
from functools import cache
from typing import Any, get_args

from jinja2 import Environment
from markupsafe import Markup, escape

from vitreport.formatting import percent, printable, unbroken
from vitreport.report import blocks
from vitreport.report.figures.colors import DARK, LIGHT
from vitreport.report.figures.draw import draw
from vitreport.report.markdown import environment, template_folder
from vitreport.report.sections import Page
from vitreport.spec.study_text import flat_tokens, markdown
from vitreport.store.contact_sheets import place_of, width_of

BREAK = re.compile(r" (?=\()|(?<=;) ")  # of a number: 61.0%, then (60.0% to 62.0%, single run)
MAX_UNBROKEN = 32  # letters of a piece that is never broken
OF_PROSE = {  # what the tags of an author's Markdown become; there is no such tag in text, where it is escaped
    "<pre>": '<pre tabindex="0">',
    "<table>": '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>',
    "</table>": "</table></div>",
    "<th>": '<th scope="col">',
    "<th style": '<th scope="col" style',
    ' style="text-align:right"': ' class="number"',
    ' style="text-align:left"': "",
    ' style="text-align:center"': "",
}


def render_html(page: Page) -> str:
    """Return the page with all its figures."""
    colors = "".join(f"--{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT)
    files = (template_folder() / name for name in ("report.css", "theme.js", "report.js"))
    style, theme, script = (Markup(file.read_text(encoding="utf-8")) for file in files)
    style = Markup(f":root{{{colors}}}\n{style}")
    digests = (b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, theme, script))
    allowed = "style-src 'sha256-{}'; script-src 'sha256-{}' 'sha256-{}'; img-src data:".format(*digests)
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    template = _environment().get_template("report.html.j2")
    return template.render(page=page, policy=policy, style=style, theme=theme, script=script)


@cache
def _environment() -> Environment:
    """Return Jinja, which escapes text; foreign text cannot steer a terminal or turn the writing direction either."""
    return environment(
        _printed,
        cell=_cell,
        drawn=lambda figure: map(Markup, draw(figure)),
        inline=_inline,
        percent=percent,
        place=place_of,
        wide=width_of,
        prose=_prose,
    )


def _printed(value: Any) -> Any:
    """Print blocks by the macros of their kinds."""
    if isinstance(value, tuple):
        return Markup().join(map(_printed, value))
    if isinstance(value, get_args(blocks.Block)):
        macros = _environment().get_template("blocks.html.j2").module
        return getattr(macros, type(value).__name__.lower())(value)
    return value if isinstance(value, Markup) else printable(str(value))


def _prose(text: str) -> Markup:
    """Return an author's Markdown, in which HTML and links that could run a script are text."""
    parser = markdown()
    tokens = parser.parse(text)
    for token in flat_tokens(tokens):
        token.content = unbroken(token.content) if token.type == "text" else token.content
    found = str(parser.renderer.render(tokens, parser.options, {}))
    for tag, own in OF_PROSE.items():
        found = found.replace(tag, own)
    return Markup(found)


def _inline(text: blocks.Text) -> Markup:
    """Return running text, in which no line ends between a number and its unit."""
    if isinstance(text, tuple):
        return Markup(" ").join(map(_inline, text))
    if isinstance(text, blocks.Code):
        return Markup("<code>{}</code>").format(printable(text)) if text else Markup()
    return escape(unbroken(printable(text)))


def _cell(cell: str) -> Markup:
    """Return the text of a table cell; a number with its interval is broken between these alone."""
    if not isinstance(cell, blocks.Number) or " " not in cell:
        return _inline(cell)
    pieces = BREAK.split(printable(cell))
    return Markup(" ").join(
        Markup("<span>{}</span>" if len(each) <= MAX_UNBROKEN else "{}").format(each) for each in pieces
    )
