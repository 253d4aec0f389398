"""Blocks and text in GitHub-flavoured Markdown, in which every name and value is literal text."""

import json
import re
from collections.abc import Iterable
from typing import assert_never

from markupsafe import Markup

from vitreport.formatting import printable
from vitreport.report import blocks

BREAK = "<!-- -->"
"""Parts what GitHub would make a link, a mention, an emoji or a formula of; a reader does not see it."""

SIGNS = re.compile(r"[\\`*\[\]|~]")
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # inside a word it is no emphasis
LINK = re.compile(
    r"""(?<=\bwww)(?=\.) | (?<=:)(?=//) | (?<=\bmailto)(?=:) | (?<=\bxmpp)(?=:)
    | (?<=[@$])                                             # @name, user/repository@commit, me@example.org, $x$
    | (?<=\#)(?=\d) | (?<=\bGH)(?=-\d)                      # an issue: #12, GH-12, user/repository#12
    | (?<=:)(?=(?:[\w+-]*[a-z+-][\w+-]*|100|1234):)         # :smile:, but 0:10:00
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
COMMIT = re.compile(r"\b(?=\d*[a-f])[0-9a-f]{7,40}\b", re.ASCII)
SHORT = 6  # of a commit's hash, so few letters are none
BLOCK = re.compile(r"^(?=(?:[-+=]|#{1,6})(?:\s|$)|[-=]{2})")
NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")


def section(content: blocks.Section, assets: str | None) -> Markup:
    """Return a section with its heading."""
    heading = f"## {literal(content.title)}\n\n" if content.has_heading else ""
    return Markup(heading + render_blocks(content.blocks, assets))


def render_blocks(content: Iterable[blocks.Block], assets: str | None) -> Markup:
    """Return blocks with an empty line between them; `assets` is the place of their figures, None leaves these out."""
    return Markup("\n\n".join(filter(None, (_block(each, assets) for each in content))))


def _block(content: blocks.Block, assets: str | None) -> str:
    match content:
        case blocks.Heading(text):
            return f"### {literal(text)}"
        case blocks.Paragraph(text, style):
            return f"> [!WARNING]\n> {_inline(text)}" if style == "warning" else _inline(text)
        case blocks.Bullets(items):
            return "\n".join(f"- {_inline(each)}" for each in items)
        case blocks.CodeBlock(text, language):
            return block(text, language)
        case blocks.Table():
            return table(content)
        case blocks.Figures(figures):
            return "" if assets is None else "\n\n".join(_picture(each, assets) for each in figures)
        case blocks.Details(summary, inner):
            folded = "\n\n".join(filter(None, (_in_details(each, assets) for each in inner)))
            return f"<details>\n<summary>{literal(summary)}</summary>\n\n{folded}\n\n</details>"
        case _:
            assert_never(content)


def _in_details(content: blocks.Block, assets: str | None) -> str:
    """A block of several, where no heading says what a table shows."""
    text = _block(content, assets)
    return f"{literal(content.caption)}:\n\n{text}" if isinstance(content, blocks.Table) else text


def _inline(text: blocks.Text | blocks.Link) -> str:
    match text:
        case tuple():
            return " ".join(map(_inline, text))
        case blocks.Link(shown, anchor):
            return f"[{literal(shown)}](#{anchor})"
        case blocks.Code():
            return code(text)
        case _:
            return literal(text)


def _picture(figure: blocks.Figure, assets: str) -> str:
    alt, (first, *dark) = attribute(figure.alt), [attribute(f"{assets}{name}") for name in figure.files]
    image = f'<img alt="{alt}" src="{first}">'
    if dark:
        source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark[0]}">'
        image = f"<picture>\n  {source}\n  {image}\n</picture>"
    return f"{image}\n\n{literal(figure.caption)}"


def table(content: blocks.Table) -> Markup:
    """Return a table, of which no cell can leave its place."""
    rows = [content.columns, *content.rows]
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    rule = "|".join("---" if each == "l" else "---:" for each in content.align)
    lines.insert(1, f"|{rule}|")
    if content.left_out:
        lines += ["", f"Rows left out here: {content.left_out:,}; `--format csv` has all of them."]
    return Markup("\n".join(lines))


def _cell(cell: str) -> str:
    """In a table a pipe would end the cell even in a span of code."""
    return str(code(cell)).replace("|", r"\|") if isinstance(cell, blocks.Code) and cell else literal(cell)


def literal(text: object) -> Markup:
    """Text that reads the same when it is rendered, on one line and without control characters."""
    if isinstance(text, Markup):
        return text
    plain = " ".join(printable(str(text)).split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = UNDERSCORE.sub(r"\\_", SIGNS.sub(r"\\\g<0>", plain))
    plain = NUMBERED.sub(r"\1\\\2", BLOCK.sub(r"\\", plain))
    plain = COMMIT.sub(lambda commit: BREAK.join(re.findall(f".{{1,{SHORT}}}", commit[0])), plain)
    return Markup(LINK.sub(BREAK, plain))


def code(text: object) -> Markup:
    """A span of code."""
    plain = " ".join(printable(str(text)).split())
    fence = _fence(plain, shortest=1)
    room = " " if plain.startswith("`") or plain.endswith("`") else ""
    return Markup(f"{fence}{room}{plain}{room}{fence}")


def block(text: object, language: str = "") -> Markup:
    """A fenced block of lines."""
    lines = [printable(line) for line in str(text).splitlines()]
    fence = _fence("\n".join(lines), shortest=3)
    return Markup("\n".join([f"{fence}{language}", *lines, fence]))


def attribute(text: object) -> Markup:
    """Text for a quoted attribute of an HTML tag in Markdown."""
    plain = " ".join(printable(str(text)).split())
    return Markup(plain.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;"))


def quoted(text: object) -> Markup:
    """A scalar of YAML in double quotes, as JSON writes it."""
    return Markup(json.dumps(printable(str(text)), ensure_ascii=False))


def _fence(text: str, *, shortest: int) -> str:
    runs = [len(run) for run in re.findall("`+", text)]
    return "`" * max(shortest, max(runs, default=0) + 1)
