"""The figure of what a model attends to: each image, and beside it the image in gray under its attention map."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING

from vitreport.formatting import joined, percent, short
from vitreport.report.figures.canvas import SMALL, WIDTH, Canvas
from vitreport.report.figures.colors import LIGHT
from vitreport.store.contact_sheets import MAX_OPACITY

if TYPE_CHECKING:
    from vitreport.data.arrays import Pixels

COLUMNS, GAP, LINE = 3, 4, 15
PAIR = WIDTH / COLUMNS  # the width of two pictures and the gaps beside them
SIDE = (PAIR - 3 * GAP) / 2
LINE_LENGTH = 54  # of the words below the figure
KEY = "The stronger the color, the more attention."


@dataclass(frozen=True)
class Example:
    """An image (3, S, S) with its map, rows of numbers from 0 to 1, and the prediction; `label` is "" if not known."""

    name: str
    pixels: "Pixels"
    map: Sequence[Sequence[float]]
    predicted: str
    probability: float
    label: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether the prediction is known to be wrong."""
        return self.label not in ("", self.predicted)

    @property
    def answer(self) -> str:
        """The predicted class with its probability, for a small place."""
        return f"as {short(self.predicted, 9)}, {percent(self.probability, 1)}"


@dataclass(frozen=True)
class AttentionFigure:
    """What a model attends to in some images, and by which method that is seen."""

    title: str
    method: str
    examples: Sequence[Example]

    @property
    def alt(self) -> str:
        """What one sees, for readers who do not see the figure."""
        return f"{self.title}: {joined(f'{each.name}, {each.answer}' for each in self.examples)}."

    @property
    def caption(self) -> str:
        """What is shown."""
        known = "class" if self.examples[0].label else "file"
        wrong = "; mistakes are in color" * any(each.is_wrong for each in self.examples)
        below = f"Below each image: its {known}, the predicted class and its probability{wrong}."
        return f"{self.method}. {KEY} {below}"

    def draw(self) -> Canvas:
        """Draw the images row by row; the axes count CSS pixels from the upper left corner."""
        from matplotlib.colors import to_rgb

        rows, high = ceil(len(self.examples) / COLUMNS), SIDE + 2 * LINE + 2 * GAP
        words = [KEY, *wrap(self.method, LINE_LENGTH)]
        height = rows * high + 45 + LINE * len(words)
        panel = Canvas("\n".join(words), title=self.title, grid=None, height=height)
        axes, tint = panel.axes, to_rgb(LIGHT["vermillion"])
        for place, each in enumerate(self.examples):
            left, top = place % COLUMNS * PAIR + GAP, place // COLUMNS * high
            second, bottom = left + SIDE + GAP, top + SIDE
            first, beside = (left, left + SIDE, bottom, top), (second, second + SIDE, bottom, top)
            axes.imshow(each.pixels.transpose(1, 2, 0), extent=first)
            axes.imshow(each.pixels.mean(0), cmap="gray", vmin=0, vmax=255, extent=beside)
            axes.imshow([[(*tint, MAX_OPACITY * value) for value in row] for row in each.map], extent=beside)
            color = LIGHT["vermillion" if each.is_wrong else "muted"]
            axes.text(left, bottom + LINE, short(each.label or each.name, 19), fontsize=SMALL)
            axes.text(left, bottom + 2 * LINE, each.answer, fontsize=SMALL, color=color)
            said = [each.name, f"class {each.label}" * bool(each.label), each.answer]
            panel.tip(", ".join(filter(None, said)), (left, second + SIDE), (top, bottom))
        axes.set(xlim=(0, WIDTH), ylim=(rows * high, 0), xticks=[], yticks=[], aspect="equal")
        axes.spines["bottom"].set_visible(False)
        return panel
