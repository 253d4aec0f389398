"""Where a document goes: into a file, between the marks of one, or against what stands there already.

A mark is a line of its own: text that speaks of the marks is none.
"""

import difflib
import re
from pathlib import Path

from vitreport.errors import SpecError
from vitreport.files import write_atomic

BEGIN, END = "<!-- vitreport:begin -->", "<!-- vitreport:end -->"
MARK = re.compile(rf"^(?:{BEGIN}|{END})(?=[ \t\r]*$)", re.MULTILINE)
MOST_LINES = 60
MOST_CHARACTERS = 200


def inject(path: Path, document: str) -> None:
    """Replace what stands between the marks. Raises SpecError where they are not there once and in order."""
    text = read_text(path)
    before, after = _around(path, text)
    write_atomic(path, f"{before}{BEGIN}\n{document}{END}{after}".encode())


def drift(path: Path, document: str) -> str:
    """What is to be changed in a file, or between its marks, as the beginning of a unified diff; "" where none."""
    text = read_text(path)
    if has_marks(path):
        before, after = _around(path, text)
        text = text[len(before) + len(BEGIN) : len(text) - len(after) - len(END)].removeprefix("\n")
    there, wanted = (each.splitlines(keepends=True) for each in (text, document))
    lines = list(difflib.unified_diff(there, wanted, str(path), "the records"))
    more = len(lines) - MOST_LINES
    told = [f"{more:,} more {'line' if more == 1 else 'lines'}\n"] if more > 0 else []
    return "".join([*map(_whole, lines[:MOST_LINES]), *told])


def has_marks(path: Path) -> bool:
    """Whether a document is a part of this file, not all of it."""
    return bool(MARK.search(read_text(path)))


def read_text(path: Path) -> str:
    """Raises SpecError for what cannot be read as text."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}", "give the path of a Markdown file") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: byte {error.start} is not UTF-8", "save it as UTF-8") from error


def _around(path: Path, text: str) -> tuple[str, str]:
    """What stands before the first mark and after the second."""
    marks = list(MARK.finditer(text))
    if [mark.group() for mark in marks] != [BEGIN, END]:
        raise SpecError(
            f"{path} does not hold {BEGIN} and after it {END}, each once on a line of its own",
            "write both where the report goes",
        )
    return text[: marks[0].start()], text[marks[1].end() :]


def _whole(line: str) -> str:
    if len(line) > MOST_CHARACTERS:
        return f"{line[:MOST_CHARACTERS].rstrip()}…\n"
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
