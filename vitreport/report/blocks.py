"""Sections of blocks, which `sections.py` builds, and `markdown_text.py` and `html.py` render."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

Format = Literal["markdown", "html", "json", "csv", "latex", "model-card"]
Kind = Literal["rows", "ablation", "grid", "curves", "confusion", "mistakes", "attention"]
PICTURES: tuple[Kind, ...] = ("mistakes", "attention")  # recorded, not drawn
MAX_ROWS = 100
NOTHING = "\N{EN DASH}"  # a table cell without a value


class Code(str):
    """Text to be typed as it is, such as a command."""


class Number(str):
    """A number as it is shown, with the value that it is sorted by."""

    value: float

    def __new__(cls, text: str, value: float) -> "Number":
        """Make a number of its text and its value."""
        number = super().__new__(cls, text)
        number.value = value
        return number


Text = str | tuple[str, ...]  # running text, or pieces of it with blanks between them


@dataclass(frozen=True)
class Paragraph:
    """Running text, or a heading below that of the section; nobody should miss a warning."""

    text: Text
    style: Literal["text", "note", "headline", "warning", "heading"] = "text"


@dataclass(frozen=True)
class Prose:
    """Markdown that the author of a study wrote, see `spec/study_text.py` for what it may contain."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[Text, ...]


@dataclass(frozen=True)
class CodeBlock:
    """Lines of code, with the language that they are highlighted as."""

    text: str
    language: str


@dataclass(frozen=True)
class Table:
    """A table with its caption and a note below it; `align` has an `l` or an `r` for each column, as in LaTeX."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str
    note: str = ""


@dataclass
class Figure:
    """A figure before it is drawn, with what a report says about it. HTML shows several side by side."""

    name: str  # of its files without extension, unique in the sections of a report
    kind: Kind  # how it is drawn, see figures/draw.py
    title: str
    alt: str  # what one sees, with numbers, for readers who do not see the figure
    caption: str  # what is shown, with the method of its intervals and the number of seeds
    data: Any  # what is drawn, as the function of its kind takes it

    def __post_init__(self) -> None:
        self.name = re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-.")[:100]

    @property
    def files(self) -> list[str]:
        """The names of its files: each panel in light and in dark colors, or a recorded picture."""
        if self.kind in PICTURES:
            return [f"{self.name}.png"]
        panels = range(len(self.data) if self.kind in ("rows", "curves") else 1)
        names = (self.name + (f"-panel{index + 1}" if index else "") for index in panels)
        return [f"{name}-{theme}.svg" for name in names for theme in ("light", "dark")]


@dataclass(frozen=True)
class SideBySide:
    """Blocks beside each other where the page is wide enough."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away under a summary."""

    summary: str
    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Section:
    """A section of a report; `anchor` names it in links and templates. The title is not always shown."""

    title: str
    anchor: str
    blocks: tuple["Block", ...]
    has_heading: bool = True


Block = Paragraph | Prose | Bullets | CodeBlock | Table | Figure | SideBySide | Details
Part = Block | Section
P = TypeVar("P", bound=Part)
CONTAINERS, CONTENT_FIELDS = (SideBySide, Details, Section), ("text", "items", "rows", "blocks")


def without_empty(content: Iterable[P]) -> tuple[P, ...]:
    """Return the blocks or sections that say something: a table has rows, a list has items, and so on."""
    whole = (
        replace(each, blocks=without_empty(each.blocks)) if isinstance(each, CONTAINERS) else each for each in content
    )
    return tuple(each for each in whole if all(getattr(each, name, True) for name in CONTENT_FIELDS))


def figures_in(content: Iterable[Part]) -> Iterator[Figure]:
    """Yield the figures of blocks and sections, in their order."""
    for each in content:
        if isinstance(each, Figure):
            yield each
        elif isinstance(each, CONTAINERS):
            yield from figures_in(each.blocks)


def make_names_unique(figures: Iterable[Figure]) -> None:
    """Rename the figures whose names others before them have."""
    taken: set[str] = set()
    for figure in figures:
        while figure.name in taken:
            figure.name += "-2"
        taken.add(figure.name)


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1, note: str = "") -> Table:
    """Return a table whose first `texts` columns are text; columns without content and very many rows are left out."""
    every = list(rows)
    kept = [index for index in range(len(columns)) if not every or any(row[index] for row in every)]
    if len(every) > MAX_ROWS:
        note = f"{note} Rows not shown: {len(every) - MAX_ROWS:,}. The JSON report contains all rows.".strip()
    shown = tuple(tuple(row[index] for index in kept) for row in every[:MAX_ROWS])
    align = "".join("l" if index < texts else "r" for index in kept)
    return Table(caption, tuple(columns[index] for index in kept), shown, align, note.strip())
