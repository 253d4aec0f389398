"""Print to the user: documents to stdout, everything else to one console on stderr."""

import errno
import io
import os
import stat
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitreport.errors import ResourceError
from vitreport.formatting import counted, json_document, printable, unbroken

PIPE_WIDTH = 10_000  # a table in a file or a pipe is never folded
BETWEEN_COLUMNS = 2
MAX_WARNINGS = 50
JSON_VERSION = 1  # of the documents of all commands; a report has its own
STYLES = {"warning": "yellow", "error": "bold red"}


def is_interactive() -> bool:
    """Return whether stderr is a terminal that can redraw. FORCE_COLOR asks for colors in a log, not for that."""
    return sys.stderr.isatty() and not console_on(sys.stderr).is_dumb_terminal


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    spare: Sequence[str] | None = None,
    gap: bool = False,
) -> None:
    """Print a table to stdout.

    Args:
        columns: their titles; without any, no header is shown.
        rows: cells as text, which is made printable.
        right: the columns that are aligned to the right.
        spare: columns that a narrow terminal lacks, the first ones first, so that no row is folded. None folds cells.
        gap: print an empty line first.
    """
    console = console_on(sys.stdout)
    cells = [[printable(cell) for cell in row] for row in (columns, *rows)]
    shown = list(range(len(columns)))
    for column in spare or ():
        widths = [max(cell_len(row[place]) for row in cells) for place in shown]
        if sum(widths) + BETWEEN_COLUMNS * (len(widths) - 1) > console.width:
            shown.remove(columns.index(column))
    if spare is not None:
        console.width = PIPE_WIDTH
    padding = (0, BETWEEN_COLUMNS, 0, 0)
    table = Table(show_header=any(columns), box=None, pad_edge=False, header_style="bold", padding=padding)
    for place in shown:
        table.add_column(Text(cells[0][place]), justify="right" if columns[place] in right else "left", overflow="fold")
    for row in cells[1:]:
        table.add_row(*(Text(row[place]) for place in shown))
    with _on_stdout(), console.capture() as capture:
        console.print(table)
    print_text("\n" * gap + "\n".join(line.rstrip() for line in capture.get().splitlines()))


def print_json(document: Mapping[str, Any]) -> None:
    """Print the JSON document of a command to stdout; dataclasses and records in it become plain values."""
    from pydantic_core import to_jsonable_python  # takes time to load

    plain = to_jsonable_python({"schema_version": JSON_VERSION, **document}, by_alias=False)
    print_text(json_document(plain))


def print_text(text: str) -> None:
    """Print text to stdout."""
    with _on_stdout():
        print(text, flush=True)


def print_sentence(text: str) -> None:
    """Print a line to stdout; on a terminal folded between words, and never within "n = 2" or "1.00 to 2.00"."""
    if sys.stdout.isatty():
        width = console_on(sys.stdout).width
        folded = textwrap.fill(unbroken(text), width, break_long_words=False, break_on_hyphens=False)
        text = folded.replace("\N{NO-BREAK SPACE}", " ")
    print_text(text)


def print_document(text: str) -> None:
    """Print a document to stdout, in UTF-8 with plain line ends on every system."""
    with _on_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


@contextmanager
def _on_stdout() -> Iterator[None]:
    """Raise ResourceError if stdout cannot be written. A closed pipe is not an error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        is_terminal = False
        with suppress(OSError):  # isatty() is false for a terminal that has been closed
            is_terminal = stat.S_ISCHR(os.fstat(sys.stdout.fileno()).st_mode)
        close_stdout()
        if not (error.errno == errno.EIO and is_terminal):
            raise ResourceError(f"cannot write to stdout: {error.strerror}", "choose another place") from error


def close_stdout() -> None:
    """Send the rest of stdout nowhere: Python tries at its end to write what is left."""
    with suppress(io.UnsupportedOperation):  # a test has put it into memory
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _LossyFile(io.FileIO):
    """A file that drops what cannot be written: a full disk or a closed terminal must not end a training."""

    def write(self, content: Any) -> int:
        with suppress(OSError):
            return super().write(content) or len(content)  # after a signal, it may have written a part only
        return len(content)


def prepare_streams() -> None:
    """Make stdin, stdout and stderr usable however the process was started; call this before anything is opened.

    A closed stream becomes the null device: otherwise the next file that is opened would take its number and receive
    the warnings of libraries. Characters that a stream can't encode are replaced. stderr drops what cannot be written.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        file = io.BufferedWriter(_LossyFile(sys.stderr.fileno(), "wb", closefd=False))
        sys.stderr = io.TextIOWrapper(file, encoding=sys.stderr.encoding, errors="replace", line_buffering=True)


def note(line: str, console: Console | None = None) -> None:
    """Print a line to stderr, or above a live view. "warning: ..." and "error: ..." stand out."""
    console = console or console_on(sys.stderr)
    line = printable(line)
    kind = line.partition(": ")[0]
    text = Text(line)
    text.stylize(STYLES.get(kind, ""), 0, len(kind))
    console.print(text, soft_wrap=True)


def warn_each(lines: Iterable[str]) -> None:
    """Note the first warnings and the number of the others: thousands of records may have the same damage."""
    every = list(lines)
    for line in every[:MAX_WARNINGS]:
        note(f"warning: {line}")
    if len(every) > MAX_WARNINGS:
        note(f"warning: {counted(len(every) - MAX_WARNINGS, 'more warning')} of this kind")


def use_color(when: str) -> None:
    """Follow `--color`: "always" and "never" win over the terminal and NO_COLOR."""
    if when != "auto":
        wanted, other = ("FORCE_COLOR", "NO_COLOR") if when == "always" else ("NO_COLOR", "FORCE_COLOR")
        os.environ[wanted] = "1"
        os.environ.pop(other, None)


def console_on(stream: TextIO) -> Console:
    """Return a console on stdout or stderr."""
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)
