"""Any text as literal text in GitHub-flavoured Markdown."""

import json
import re

from markupsafe import Markup

from vitreport.formatting import printable
from vitreport.report.blocks import Code, Table

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


def literal(text: object) -> Markup:
    """Text that reads the same when it is rendered, on one line and without control characters."""
    if isinstance(text, Markup):
        return text
    plain = " ".join(printable(str(text)).split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = UNDERSCORE.sub(r"\\_", SIGNS.sub(r"\\\g<0>", plain))
    plain = NUMBERED.sub(r"\1\\\2", BLOCK.sub(r"\\", plain))
    return Markup(LINK.sub(BREAK, COMMIT.sub(_parted, plain)))


def _parted(match: re.Match[str]) -> str:
    return BREAK.join(match[0][start : start + SHORT] for start in range(0, len(match[0]), SHORT))


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


def table(content: Table) -> Markup:
    """A table, of which no cell can leave its place."""
    rows = [content.columns, *content.rows]
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    rule = "|".join("---" if index < content.texts else "---:" for index in range(len(content.columns)))
    return Markup("\n".join([lines[0], f"|{rule}|", *lines[1:]]))


def _cell(cell: str) -> str:
    """In a table a pipe would end the cell even in a span of code."""
    return str(code(cell)).replace("|", r"\|") if isinstance(cell, Code) and cell else str(literal(cell))


def _fence(text: str, *, shortest: int) -> str:
    runs = [len(run) for run in re.findall("`+", text)]
    return "`" * max(shortest, max(runs, default=0) + 1)
