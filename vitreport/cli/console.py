"""What reaches the user: documents on stdout, everything else on one console on stderr."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitreport.text import printable

PIPE_WIDTH = 10_000  # a table in a file or a pipe is never folded


def stderr() -> Console:
    return _console(stderr=True)


def is_interactive() -> bool:
    """Whether stderr is a terminal that can redraw; FORCE_COLOR asks for colours in a log, not for that."""
    return sys.stderr.isatty() and not stderr().is_dumb_terminal


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A table of printable text on stdout; the columns named in `right` are aligned to the right."""
    table = Table(show_header=any(columns), box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(Text(printable(column)), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = _console(stderr=False)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def print_text(text: str) -> None:
    print(text)


def note(line: str, console: Console | None = None) -> None:
    """A line for the user, on stderr or above a live view; "warning: ..." and "error: ..." stand out."""
    line = printable(line)
    kind, colon, rest = line.partition(": ")
    styles = {"warning": "yellow", "error": "bold red"}
    text = Text.assemble((kind, styles[kind]), colon, rest) if kind in styles else Text(line)
    (console or stderr()).print(text, soft_wrap=True)


def use_color(when: str) -> None:
    """`--color`: "always" and "never" win over what the terminal and NO_COLOR say."""
    if when == "never":
        os.environ["NO_COLOR"] = "1"
        os.environ.pop("FORCE_COLOR", None)
    if when == "always":
        os.environ.pop("NO_COLOR", None)
        os.environ["FORCE_COLOR"] = "1"


class _PatientConsole(Console):
    """Goes on in silence when nobody reads its stream any more: training must not end with `| head`."""

    def on_broken_pipe(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return _PatientConsole(file=stream, width=width, highlight=False, emoji=False, markup=False)
