"""What every panel is drawn on: one matplotlib axes of a fixed width, without clutter, and what can be pointed at."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import isclose
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Drawing
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import Formatter, MaxNLocator
from matplotlib.transforms import IdentityTransform

from vitreport.formatting import Estimate, printable
from vitreport.report.figures.drawing.labels import Box, Candidates, Mark, placed
from vitreport.report.figures.drawing.palette import LIGHT

WIDTH = 400
"""In CSS pixels: two panels side by side fill the column of a page on GitHub, one fills a telephone."""

HEIGHT = 270
LINE = 15 / 190
"""The height of a line of text in a panel of this height, as a share of that of the axes."""

EDGE = 4
"""Between a name and the end of the panel."""

UNITS_PER_INCH = 72
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": LIGHT["muted"],
    "axes.labelsize": 12,
    "axes.edgecolor": LIGHT["rule"],
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LIGHT["rule"],
    "grid.linewidth": 1,
    "figure.facecolor": "none",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "lines.linewidth": 2,
    "lines.markersize": 6.5,
    "errorbar.capsize": 0,
}


class Look(NamedTuple):
    """How a series is told from the others, also where colours are not seen."""

    color: str
    dash: str | tuple[float, tuple[float, ...]]
    marker: str


LOOKS = (
    Look(LIGHT["blue"], "solid", "o"),
    Look(LIGHT["vermillion"], (0, (6, 2)), "s"),
    Look(LIGHT["green"], (0, (6, 2, 1.5, 2)), "^"),
    Look(LIGHT["purple"], (0, (1.5, 1.5)), "D"),
    Look(LIGHT["orange"], (0, (3, 2)), "v"),
    Look(LIGHT["sky"], (0, (8, 2, 1.5, 2, 1.5, 2)), "P"),
)


@dataclass
class Canvas:
    """A panel: `label` says to a screen reader what it is; `tips` and `series` tell names of the drawing apart."""

    label: str
    drawing: Drawing
    axes: Axes
    tips: dict[str, str] = field(default_factory=dict)
    series: dict[str, str] = field(default_factory=dict)

    def tip(self, x: float, y: float, width: float, height: float, text: str) -> None:
        """A rectangle in units of the axes' data over which `text` is shown."""
        name = f"tip{len(self.tips)}"
        self.tips[name] = printable(text)
        self.area(x, y, width, height, facecolor="none", edgecolor="none", gid=name)

    def tip_at(self, mark: Mark, text: str) -> None:
        """As `tip`, around a mark of a panel that is settled."""
        box = mark.box
        (left, bottom), (right, top) = self.axes.transData.inverted().transform([box[:2], box[2:]])
        self.tip(left, bottom, right - left, top - bottom, text)

    def area(self, x: float, y: float, width: float, height: float, **looks: Any) -> None:
        """A rectangle within the axes; the layout, which is slow, need not ask for its size."""
        self.axes.add_patch(Rectangle((x, y), width, height, clip_on=False, **looks)).set_in_layout(False)

    def dot(self, place: float, estimate: Estimate, look: Look, *, upright: bool = False, series: str = "") -> None:
        """A value and its interval; hollow where it is that of a single run."""
        face = look.color if estimate.n > 1 else LIGHT["paper"]
        low, high = bounds(estimate)
        self._line((place, place), (low, high), look.color, upright, series)
        (dot,) = self._line((place,), (estimate.value,), look.color, upright, series)
        dot.set(marker=look.marker, markerfacecolor=face, markeredgewidth=2, clip_on=False)

    def _line(
        self, places: Sequence[float], values: Sequence[float], color: str, upright: bool, series: str
    ) -> list[Line2D]:
        x, y = (places, values) if upright else (values, places)
        name = self.part_of(series) if series else None
        return self.axes.plot(x, y, color=color, solid_capstyle="round", gid=name)

    def to_share(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Points of the data in shares of the width and the height of the axes."""
        transform = self.axes.transScale + self.axes.transLimits
        return [(float(x), float(y)) for x, y in transform.transform(points)]

    def settle(self) -> None:
        """Fix where the axes stand, so that pixels can be told; what is added later leaves them where they are."""
        self.drawing.draw_without_rendering()

    def mark(self, x: float, estimate: Estimate) -> Mark:
        """Where an upright dot stands."""
        low, high = bounds(estimate)
        pixels = self.axes.transData.transform([(x, estimate.value), (x, low), (x, high)])
        return Mark(float(pixels[0][0]), *(float(y) for _, y in pixels))

    def text(self, text: str, color: str = LIGHT["ink"], series: str = "") -> Text:
        """A small text that is still to be placed, in pixels from the lower left corner."""
        name = self.part_of(series) if series else None
        looks: dict[str, Any] = {"va": "center", "color": color, "fontsize": 11, "gid": name}
        made = self.axes.text(0, 0, printable(text), transform=IdentityTransform(), **looks)
        made.set_in_layout(False)
        return made

    def place(
        self, texts: Sequence[Text], marks: Sequence[Mark], candidates: Candidates, taken: Sequence[Mark]
    ) -> bool:
        """Put each text beside its mark, clear of all that are taken; whether there was room, else it is removed."""
        sizes = [text.get_window_extent() for text in texts]
        wanted = [candidates(mark, (size.width, size.height)) for mark, size in zip(marks, sizes, strict=True)]
        inner = self.axes.get_window_extent()
        found = placed(wanted, taken, Box(inner.x0, inner.y0, WIDTH - EDGE, inner.y1 + EDGE))
        for text, mark, place in zip(texts, marks, found, strict=True):
            if place is None:
                text.remove()
                continue
            text.set(position=place.start, ha=place.side)
            if place.is_away_from(mark):
                self._lead(mark, place.start, self.series.get(text.get_gid() or "", ""))
        return None not in found

    def _lead(self, mark: Mark, end: tuple[float, float], series: str) -> None:
        """A fine line from a mark to a name that does not stand beside it."""
        looks: dict[str, Any] = {"color": LIGHT["muted"], "linewidth": 0.7, "zorder": 1}
        looks["gid"] = self.part_of(series) if series else None
        self.axes.plot((mark.x, end[0]), (mark.y, end[1]), transform=IdentityTransform(), clip_on=False, **looks)

    def part_of(self, series: str) -> str:
        """The name of one more element that belongs to a series, which a page can switch off."""
        name = f"series{len(self.series)}"
        self.series[name] = printable(series)
        return name


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's own defaults and ours; whatever the user has set up does not touch a figure.

    A letter that matplotlib's font lacks is drawn by the reader's.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def canvas(label: str, height: float, *, title: str = "", grid: str = "y", below: float = 0) -> Canvas:
    """An empty panel with grid lines across one axis or none, and so much more height below all of it."""
    whole = height + below
    layout = ConstrainedLayoutEngine(rect=(0, below / whole, 1, height / whole))
    size = (WIDTH / UNITS_PER_INCH, whole / UNITS_PER_INCH)
    drawing = Drawing(figsize=size, dpi=UNITS_PER_INCH, layout=layout)
    axes = drawing.add_subplot()
    axes.grid(visible=False)
    if grid:
        axes.grid(visible=True, axis="x" if grid == "x" else "y")
    axes.set_title(short(title, 44))
    return Canvas(printable(label), drawing, axes)


class Percents(Formatter):
    """0% and 5%; of a fine axis 2.5% and 5.0%: all its ticks have the same digits."""

    def __call__(self, fraction: float, _: int | None = None) -> str:
        return self.format_ticks([fraction])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        percents = [100 * value for value in values]
        digits = next((n for n in range(4) if all(isclose(each, round(each, n), abs_tol=1e-6) for each in percents)), 4)
        return [f"{each + 0.0:.{digits}f}%" for each in percents]


def in_percent(axis: Axis, most: int) -> None:
    """Ticks at round shares, at most so many and one more."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(Percents())


def quantity_told(quantity: str, estimates: Iterable[Estimate | None]) -> str:
    """The label of an axis; it says what a hollow mark is where there is one."""
    single = any(estimate.n == 1 for estimate in estimates if estimate)
    return f"{quantity} (hollow: a single run)" if single else quantity


def short(text: str, length: int = 26) -> str:
    """Printable, and without its middle where it would leave no room for the figure: names differ at their ends."""
    text = printable(text)
    kept = length - 1
    return text if len(text) <= length else f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}"


def distinct(names: Sequence[str]) -> list[str]:
    """Cut short, each so that it is still told from the others: without their common beginning where it must be."""
    cut = [short(name) for name in names]
    if len(set(cut)) == len(set(names)):
        return cut
    columns = enumerate(zip(*names, strict=False))
    shared = next((place for place, letters in columns if len(set(letters)) > 1), min(map(len, names)))
    return [short(f"…{name[max(0, shared - 2) :]}") for name in names]


def bounds(estimate: Estimate) -> tuple[float, float]:
    """The ends of the interval; the value itself where there is none."""
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return low, high


def limits(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """The range of an axis of accuracies: all intervals with room around them."""
    return share_range([end for estimate in estimates for end in bounds(estimate)] or [0.0, 1.0])


def share_range(shares: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis of shares, with room around them but next to none below 0 and above 1."""
    extent = max(shares) - min(shares)
    room, margin = max(0.08 * extent, 0.005), max(0.025 * extent, 0.001)
    return max(-margin, min(shares) - room), min(1 + margin, max(shares) + room)


def spread(places: Sequence[float], distance: float) -> list[float]:
    """The places moved apart, as little as a pass from below needs, until neighbours are `distance` away."""
    moved = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + distance)
    shift = (sum(moved) - sum(places)) / len(places) if places else 0.0
    return [place - shift for place in moved]
