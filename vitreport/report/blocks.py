"""What a report is made of before it is laid out: sections of blocks, the same for every format.

A section is built in `sections.py`. `markdown_text.py` and `html.py` render each kind of block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Format = Literal["markdown", "html", "json", "csv", "latex", "model-card"]
Kind = Literal["overview", "cost", "curves", "classes", "confusion", "calibration", "mistakes", "ablation"]
THEMES = ("light", "dark")
MOST_ROWS = 100
NOTHING = "\N{EN DASH}"
"""A table cell without a value."""


class Code(str):
    """Text to be typed as it is, such as a command."""


class Number(str):
    """A number as it is shown, with the value that it is sorted by."""

    value: float

    def __new__(cls, text: str, value: float) -> "Number":
        number = super().__new__(cls, text)
        number.value = value
        return number


@dataclass(frozen=True)
class Link:
    """A link to a section of the same report."""

    text: str
    anchor: str


Text = str | tuple[str | Link, ...]
"""Running text, or pieces of it with blanks between them. A `Code` is shown as code."""


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text; a note is less prominent, a headline more, and nobody should miss a warning."""

    text: Text
    style: Literal["text", "note", "headline", "warning"] = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[Text, ...]


@dataclass(frozen=True)
class CodeBlock:
    """Lines of code, with the language that they are highlighted as."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption; `align` has an `l` or an `r` for each column, as in LaTeX.

    If there are very many rows, only the first are shown, and `left_out` counts the others.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str
    left_out: int = 0


@dataclass(frozen=True)
class Figure:
    """A figure before it is drawn, with what a report says about it.

    Attributes:
        name: Name of its files without extension, unique in a report.
        kind: How it is drawn, see `figures/collect.py`.
        title: The subject.
        alt: What one sees, with numbers, for readers who do not see the figure.
        caption: What is shown, with the method of its intervals and the number of seeds.
        data: What is drawn, of the type that the function for its kind takes.
        architecture: Where it belongs; empty for a figure that compares architectures.
        dataset: The same for the dataset.
        ablation: The name of the ablation that it shows.
    """

    name: str
    kind: Kind
    title: str
    alt: str
    caption: str
    data: Any
    architecture: str = ""
    dataset: str = ""
    ablation: str = ""

    @property
    def files(self) -> list[str]:
        """The names of its files next to a Markdown document: in light and in dark colours, or a recorded picture."""
        return [f"{self.name}.png"] if self.kind == "mistakes" else [f"{self.name}-{each}.svg" for each in THEMES]


@dataclass(frozen=True)
class Figures:
    """Figures that are shown side by side where there is room."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away under a summary."""

    summary: str
    blocks: tuple["Block", ...]


Block = Heading | Paragraph | Bullets | CodeBlock | Table | Figures | Details


@dataclass(frozen=True)
class Section:
    """A section of a report; `anchor` names it in links and templates. The title is not always shown."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    has_heading: bool = True


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> Table:
    """Return a table in which the first `texts` columns are text and the others numbers."""
    every = [tuple(row) for row in rows]
    align = "l" * texts + "r" * (len(columns) - texts)
    return Table(caption, tuple(columns), tuple(every[:MOST_ROWS]), align, max(0, len(every) - MOST_ROWS))
