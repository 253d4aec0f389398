"""Where a document goes: into a file, between the marks of one, or against what stands there already.

A mark is a line of its own: text that speaks of the marks is none.
"""

import difflib
import re
from pathlib import Path

from vitreport.errors import SpecError
from vitreport.files import BASE_NAME_CHARACTERS, remove_abandoned, write_atomic
from vitreport.formatting import printable
from vitreport.untrusted_files import read_bounded, reading_errors

BEGIN, END = "<!-- vitreport:begin -->", "<!-- vitreport:end -->"
MARK = re.compile(rf"^(?:{BEGIN}|{END})(?=[ \t\r]*$)", re.MULTILINE)
HEADING = re.compile(r"^(?P<fence>`{3,}).*?^(?P=fence)$|^(?P<heading>#{1,5})(?= )", re.MULTILINE | re.DOTALL)
"""A heading, or a block of code, in which a line that begins like one is none."""

MOST_BYTES = 256 << 20
MOST_LINES = 60
MOST_CHARACTERS = 200


def as_part(document: str) -> str:
    """A Markdown document of its own as a part of another, which has its heading of the first level already."""
    headings = {match["heading"] for match in HEADING.finditer(document)}
    if "#" not in headings:
        return document
    return HEADING.sub(lambda found: f"#{found[0]}" if found["heading"] else found[0], document)


def without_marks(document: str) -> str:
    """A mark in a document, which only a block of code can hold, would end it early: with a blank before it is none."""
    return MARK.sub(r" \g<0>", document)


def inject(path: Path, document: str) -> None:
    """Replace what stands between the marks. Raises SpecError where they are not there once and in order."""
    write_document(path, _with_part(path, document))


def write_document(path: Path, document: str) -> None:
    """Write a file whole or not at all, and remove what a report that was killed has left of it."""
    remove_abandoned(path.parent, lambda name: name == path.name[:BASE_NAME_CHARACTERS])
    write_atomic(path, document.encode())


def check_marks(path: Path) -> None:
    """Raise SpecError where the marks are not there once and in order."""
    _with_part(path, "")


def drift(path: Path, document: str) -> str:
    """What is to be changed in a file, or between its marks, as the beginning of a unified diff; "" where none."""
    whole = _with_part(path, document) if has_marks(path) else document
    there, wanted = (each.splitlines(keepends=True) for each in (read_text(path), whole))
    lines = list(difflib.unified_diff(there, wanted, str(path), "the records"))
    more = len(lines) - MOST_LINES
    told = [f"{more:,} more {'line' if more == 1 else 'lines'}\n"] if more > 0 else []
    return "".join([*map(_whole, lines[:MOST_LINES]), *told])


def has_marks(path: Path) -> bool:
    """Whether a document is a part of this file, not all of it."""
    return bool(MARK.search(read_text(path)))


def read_text(path: Path) -> str:
    """Read a file. Raises SpecError for what cannot be read as text."""
    with reading_errors(SpecError, path, "give the path of a Markdown file"):
        return read_bounded(path, MOST_BYTES).decode("utf-8")


def _with_part(path: Path, document: str) -> str:
    """The file with the document between its marks."""
    text = read_text(path)
    marks = list(MARK.finditer(text))
    if [mark.group() for mark in marks] != [BEGIN, END]:
        raise SpecError(
            f"{path} does not hold {BEGIN} and after it {END}, each once on a line of its own",
            "write both where the report goes",
        )
    return f"{text[: marks[0].start()]}{BEGIN}\n\n{document}\n{END}{text[marks[1].end() :]}"


def _whole(line: str) -> str:
    """A line of a difference for a terminal: printable, and of a very long one the beginning."""
    text = printable(line.removesuffix("\n"))
    if len(text) > MOST_CHARACTERS:
        return f"{text[:MOST_CHARACTERS].rstrip()}…\n"
    return f"{text}\n" if line.endswith("\n") else f"{text}\n\\ No newline at end of file\n"
