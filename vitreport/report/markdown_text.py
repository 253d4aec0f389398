"""Blocks and text in GitHub-flavoured Markdown, in which every name and value is literal text."""

import html
import json
import re
from collections.abc import Iterable
from typing import assert_never

from markupsafe import Markup

from vitreport.formatting import printable
from vitreport.report import blocks
from vitreport.spec.study_text import markdown

PREFIXES = {"warning": "> [!WARNING]\n> ", "heading": "### "}
BREAK = "<!-- -->"  # parts what GitHub would make a link, a mention, an emoji or a formula of
SIGNS = re.compile(r"[\\`*\[\]|~]")
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # inside a word it is no emphasis
LINK = re.compile(
    r"""(?<=\bwww)(?=\.) | (?<=:)(?=//) | (?<=\bmailto)(?=:) | (?<=\bxmpp)(?=:)
    | (?<=[@$])                                             # @name, user/repository@commit, me@example.org, $x$
    | (?<=\#)(?=\d) | (?<=\bGH)(?=-\d)                      # an issue: #12, GH-12, user/repository#12
    | (?<=:)(?=(?:[\w+\\-]*[a-z+\\-][\w+\\-]*|100|1234):)         # :smile:, but 0:10:00
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
COMMIT = re.compile(r"\b(?=\d*[a-f])[0-9a-f]{7,40}\b", re.ASCII)
BLOCK = re.compile(r"^(?=(?:[-+=]|#{1,6})(?:\s|$)|[-=]{2})")
NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")


def render_blocks(content: Iterable[blocks.Part], assets: str | None, *, captions: bool = False) -> Markup:
    """Return blocks; `captions` puts those of tables above them, where no heading says what they show.

    `assets` is the folder of their figures as links name it, None leaves these out.
    """
    return Markup("\n\n".join(filter(None, (_block(each, assets, captions) for each in content))))


def _block(content: blocks.Part, assets: str | None, captions: bool) -> str:
    match content:
        case blocks.Paragraph(text, style):
            return f"{PREFIXES.get(style, '')}{_inline(text)}"
        case blocks.Prose(text):
            ends_in_list = bool(text) and markdown().parse(text)[-1].type.endswith("list_close")
            return f"{text}\n\n{BREAK}" if ends_in_list else text  # a list below is another one
        case blocks.Bullets(items):
            return "\n".join(f"- {_inline(each)}" for each in items)
        case blocks.CodeBlock(text, language):
            return block(text, language)
        case blocks.Table():
            return f"{literal(content.caption)}:\n\n{table(content)}" if captions else table(content)
        case blocks.Figure():
            return "" if assets is None else _picture(content, assets)
        case blocks.Section(title, _, inner, has_heading):
            rendered = render_blocks(inner, assets)
            return f"## {literal(title)}\n\n{rendered}" if has_heading else rendered
        case blocks.SideBySide(inner):
            return render_blocks(inner, assets)
        case blocks.Details(summary, inner):
            folded = render_blocks(inner, assets, captions=len(inner) > 1)  # the summary names a single block
            return folded and f"<details>\n<summary>{literal(summary)}</summary>\n\n{folded}\n\n</details>"
        case _:
            assert_never(content)


def _inline(text: blocks.Text) -> str:
    if isinstance(text, tuple):
        return " ".join(map(_inline, text))
    return code(text) if isinstance(text, blocks.Code) else literal(text)


def _picture(figure: blocks.Figure, assets: str) -> str:
    files = [attribute(f"{assets}{name}") for name in figure.files]
    pictures = []
    for number, light in enumerate(files[::2], 1):
        alt = figure.alt if number == 1 else f"{figure.title}, panel {number}"
        image = f'<img alt="{attribute(alt)}" src="{light}">'
        if dark := files[2 * number - 1 : 2 * number]:
            source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark[0]}">'
            image = f"<picture>\n  {source}\n  {image}\n</picture>"
        pictures.append(image)
    words = [figure.caption]
    if figure.kind in blocks.PICTURES:  # in HTML each image has these words below it
        answers = enumerate(((each.label, each.answer) for each in figure.data.images), 1)
        words += ["Row by row,", *(f"{place}: {label}, {answer}." for place, (label, answer) in answers)]
    shown = "\n".join(pictures)  # side by side where there is room
    return f"{shown}\n\n{literal(' '.join(words))}".strip()


def table(content: blocks.Table) -> Markup:
    """Return a table whose cells cannot leave their places."""

    def cell(text: str) -> str:
        """Return a cell: a pipe would end it even in a span of code."""
        return code(text).replace("|", r"\|") if isinstance(text, blocks.Code) and text else literal(text)

    head, *rows = (f"| {' | '.join(map(cell, row))} |" for row in (content.columns, *content.rows))
    rule = "|".join("---" if each == "l" else "---:" for each in content.align)
    note = ["", literal(content.note)] if content.note else []
    return Markup("\n".join([head, f"|{rule}|", *rows, *note]))


def literal(text: object) -> Markup:
    """Return text that reads the same when it is rendered, on one line and without control characters."""
    if isinstance(text, Markup):
        return text
    plain = html.escape(_one_line(text), quote=False)
    plain = UNDERSCORE.sub(r"\\_", SIGNS.sub(r"\\\g<0>", plain))
    plain = NUMBERED.sub(r"\1\\\2", BLOCK.sub(r"\\", plain))
    plain = COMMIT.sub(lambda commit: BREAK.join(re.findall(".{1,6}", commit[0])), plain)
    return Markup(LINK.sub(BREAK, plain))


def code(text: object) -> Markup:
    """Return a span of code."""
    plain = _one_line(text)
    fence, room = _fence(plain, shortest=1), " " if plain.startswith("`") or plain.endswith("`") else ""
    return Markup(f"{fence}{room}{plain}{room}{fence}")


def block(text: object, language: str = "") -> Markup:
    """Return a fenced block of lines."""
    plain = "\n".join(map(printable, str(text).splitlines()))
    fence = _fence(plain, shortest=3)
    return Markup(f"{fence}{language}\n{plain}\n{fence}")


def attribute(text: object) -> Markup:
    """Return text for a quoted attribute of an HTML tag in Markdown."""
    return Markup(html.escape(_one_line(text)))


def quoted(text: object) -> Markup:
    """Return a scalar of YAML in double quotes, as JSON writes it."""
    return Markup(json.dumps(printable(str(text)), ensure_ascii=False))


def _one_line(text: object) -> str:
    return " ".join(printable(str(text)).split())


def _fence(text: str, *, shortest: int) -> str:
    return "`" * max(shortest, *(len(run) + 1 for run in re.findall("`+", text)), 0)
