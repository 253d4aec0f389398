"""Put a document into a file or between its marks, each a line of its own, or compare it with what is there."""

import difflib
import re
from pathlib import Path

from vitreport.errors import SpecError
from vitreport.files import write_atomic
from vitreport.formatting import printable
from vitreport.spec.study_text import markdown
from vitreport.untrusted_files import read_bounded, reading_errors

BEGIN, END = "<!-- vitreport:begin -->", "<!-- vitreport:end -->"
MARK = re.compile(rf"^(?:{BEGIN}|{END})(?=[ \t\r]*$)", re.MULTILINE)
MAX_FILE_BYTES = 256 << 20
MAX_CHARACTERS = 200


def as_part(document: str) -> str:
    """Return a Markdown document as a part of another, which has its heading of the first level already."""
    headings = [
        each for each in markdown(checks=True).parse(document) if each.type == "heading_open" and not each.level
    ]
    levels = {each.map[0]: each.markup for each in headings if each.map and each.markup.startswith("#")}
    lines = document.split("\n")
    for place in (each for each, level in levels.items() if "#" in levels.values() and level != "######"):
        lines[place] = lines[place].replace("#", "##", 1)
    return "\n".join(lines)


def without_marks(document: str) -> str:
    """Put a blank before the marks in a document, which only a block of code can hold: they would end it early."""
    return MARK.sub(r" \g<0>", document)


def with_part(path: Path, document: str) -> str:
    """Return a file with a document between its marks. Raises SpecError unless both are there once and in order."""
    text = read_text(path)
    marks = list(MARK.finditer(text))
    if [mark.group() for mark in marks] != [BEGIN, END]:
        fault = f"{path} must contain {BEGIN} and below it {END}, each once and on a separate line"
        raise SpecError(fault, "add both lines where the report should go")
    return f"{text[: marks[0].start()]}{BEGIN}\n\n{document}\n{END}{text[marks[1].end() :]}"


def write_document(path: Path, document: str, *, is_part: bool = False) -> None:
    """Write a file, or what is between its marks, whole or not at all. Raises SpecError as `with_part` does."""
    write_atomic(path, (with_part(path, document) if is_part else document).encode())


def drift(path: Path, document: str) -> str:
    """Return a unified diff from a file, or what is between its marks, to a document, with long lines cut."""
    whole = with_part(path, document) if has_marks(path) else document
    found, wanted = (text.splitlines(keepends=True) for text in (read_text(path), whole))
    return "".join(map(_shown, difflib.unified_diff(found, wanted, str(path), "the records")))


def has_marks(path: Path) -> bool:
    """Return whether a document is a part of this file, not all of it."""
    return bool(MARK.search(read_text(path)))


def read_part(path: Path) -> str:
    """Return what is between the marks of a file, or the whole file if it has none."""
    before, *parts = MARK.split(read_text(path))
    return parts[0] if parts else before


def read_text(path: Path) -> str:
    """Read a file. Raises SpecError for what cannot be read as text."""
    with reading_errors(SpecError, path, "give the path of a report"):
        return read_bounded(path, MAX_FILE_BYTES).decode("utf-8")


def _shown(line: str) -> str:
    """Return a line for a terminal: printable, and of a very long one the beginning."""
    text = printable(line.removesuffix("\n"))
    if len(text) > MAX_CHARACTERS:
        return f"{text[:MAX_CHARACTERS].rstrip()}…\n"
    return f"{text}\n" if line.endswith("\n") else f"{text}\n\\ No newline at end of file\n"
