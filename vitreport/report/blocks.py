"""A table of a report, whatever is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_ROWS = 100


class Code(str):
    """A cell that is to be typed as it stands, such as a command."""


@dataclass(frozen=True)
class Table:
    """Columns and rows of as many cells; the first `texts` columns are text, the others numbers.

    Of very many rows only the first are there, and `left_out` counts the others.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    left_out: int = 0


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], texts: int = 1) -> Table:
    return Table(columns, tuple(rows[:MOST_ROWS]), texts, max(0, len(rows) - MOST_ROWS))


def with_commands(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """A table of texts; its last column is there where a row needs a command."""
    shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    return table(columns[:shown], [row[:shown] for row in rows], texts=shown)
