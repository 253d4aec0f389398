"""The panel on which every figure is drawn. Lengths are CSS pixels; matplotlib is imported when the first is made."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil, log10
from pathlib import Path
from typing import Literal

from vitreport.formatting import Estimate, printable, short
from vitreport.report.figures.colors import LIGHT

STYLE = Path(__file__).with_name("figures.mplstyle")
WIDTH = 400  # two panels side by side fill the column of a page on GitHub, one fills a telephone
HEIGHT = 270
MAX_LINE_LENGTH = 26  # of the values of several fields
SMALL, NORMAL = 11, 12
FAINTEST, DARKEST = 0.03, 0.55  # the opacity of cells: texts in ink can be read on them in light and in dark colors
LETTER = 0.6  # about the width of a letter of matplotlib's font as a share of its size; those of browsers are narrower
OF_FIELDS = re.compile(r"(^|, )[a-z_.]+ (?=[^ ])| and \d+ more$")  # all but the values in: batch_size 16 and 2 more
Range = tuple[float, float] | None


class Canvas:
    """A panel, whose `grid` lines cross an axis."""

    def __init__(
        self, xlabel: str, *, title: str = "", grid: Literal["x", "y"] | None = "y", height: float = HEIGHT
    ) -> None:
        from matplotlib.figure import Figure

        self.label = printable(", ".join(filter(None, [title, xlabel])))
        self.key: dict[str, None] = {}  # what the marks mean that not every panel has
        self.tips: list[tuple[str, Range, Range]] = []
        self.drawing = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        self.axes = self.drawing.add_subplot(xlabel=xlabel, title=short(title, 44))
        if grid:
            self.axes.grid(visible=True, axis=grid)

    def tip(self, text: str, x: Range = None, y: Range = None) -> None:
        """Show a text where a reader points, in units of the data; None is the whole axis."""
        self.tips.append((printable(text), x, y))

    def dot(self, place: float, estimate: Estimate, *, upright: bool = True, ringed: bool = False) -> None:
        """Draw a value with its interval; the marker of a single run is hollow, a baseline has a ring."""
        point = (place, estimate.value) if upright else (estimate.value, place)
        draw_interval = self.axes.vlines if upright else self.axes.hlines
        face = LIGHT["paper" if estimate.n == 1 else "blue"]
        self.key |= dict.fromkeys(["hollow: a single run"] * (estimate.n == 1) + ["ring: baseline"] * ringed)
        draw_interval(place, *bounds(estimate), color=LIGHT["blue"], capstyle="round")
        self.axes.plot(*point, "o", color=LIGHT["blue"], mew=2, mfc=face, clip_on=False)
        if ringed:
            self.axes.plot(*point, "o", mec=LIGHT["ink"], mew=1, mfc="none", markersize=14, clip_on=False)

    def cell(self, row: int, column: int, strength: float | None, text: str, tip: str) -> None:
        """Draw a cell of a matrix with readable text; `strength` from 0 to 1 sets its color (None: no color)."""
        from matplotlib.patches import Rectangle

        if strength is not None:
            face, corner = (LIGHT["blue"], FAINTEST + (DARKEST - FAINTEST) * strength), (column - 0.47, row - 0.47)
            self.axes.add_patch(Rectangle(corner, 0.94, 0.94, facecolor=face, linewidth=0))
        self.axes.text(column, row, text, ha="center", va="center_baseline", fontsize=SMALL)
        self.tip(tip, (column - 0.5, column + 0.5), (row - 0.5, row + 0.5))

    def share_axis(self, name: Literal["x", "y"], shares: Iterable[float], most: int = 6) -> None:
        """Fit an axis to shares with some room around them, and label it in percent with the same digits."""
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        shares = list(shares) or [0.0, 1.0]
        extent = max(shares) - min(shares)
        room, margin = max(0.08 * extent, 0.005), max(0.025 * extent, 0.001)
        low, high = max(-margin, min(shares) - room), min(1 + margin, max(shares) + room)
        digits = max(0, ceil(-log10(100 * (high - low) / most)))
        axis = {"x": self.axes.xaxis, "y": self.axes.yaxis}[name]
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(PercentFormatter(1, digits))
        self.axes.set(**{f"{name}lim": (low, high)})

    def value_axis(self, labels: Mapping[float, str], first: Sequence[float], *, logarithmic: bool) -> None:
        """Fit the x axis to values and label these, the `first` ones before others, as long as there is room."""
        low, high = min(labels), max(labels)
        room = max(1.6, (high / low) ** 0.1) if logarithmic else (high - low) * 0.1
        limits = (low / room, high * room) if logarithmic else (low - room, high + room)
        self.axes.set(xscale="log" if logarithmic else "linear", xlim=limits)
        kept: dict[float, tuple[float, float]] = {}
        for value in (*first, *sorted(labels)):
            x, reach = self.axes.transData.transform((value, 0))[0], LETTER * NORMAL * (len(labels[value]) + 1) / 2
            if all(abs(x - other) >= reach + its_reach for other, its_reach in kept.values()):
                kept[value] = (x, reach)
        self.axes.set_xticks(sorted(kept), [labels[value] for value in sorted(kept)])
        self.axes.set_xticks([], minor=True)


@contextmanager
def style() -> Iterator[None]:
    """Set matplotlib's own defaults and our style, whatever the user has configured."""
    from matplotlib.style import context

    with context(STYLE, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # browsers have others
        yield


def shortened(names: Sequence[str], length: int) -> list[str]:
    """Cut the middle out of long names. If that makes two equal, write only the values of their fields."""
    cut = [short(name, length) for name in names]
    if len({*cut}) < len({*names}):
        cut = [short(OF_FIELDS.sub(r"\1", name), length) for name in names]
    return cut


def wrapped(text: str) -> str:
    """Break a long text between the values of several fields, and cut its lines."""
    pieces = text.split(", ") if len(text) > MAX_LINE_LENGTH else [text]
    return ",\n".join(short(piece, MAX_LINE_LENGTH) for piece in pieces)


def bounds(estimate: Estimate) -> tuple[float, float]:
    """Return the ends of the interval, or the value twice if there is none."""
    return estimate.interval or (estimate.value, estimate.value)


def ends(estimates: Iterable[Estimate | None]) -> list[float]:
    """Return the ends of all intervals."""
    return [end for estimate in estimates if estimate for end in bounds(estimate)]
