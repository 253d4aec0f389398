"""What every panel is drawn on: one matplotlib axes of a fixed width, without clutter, and what can be pointed at."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from vitreport.report.facts.measured import Estimate
from vitreport.report.figures.drawing.palette import LIGHT
from vitreport.text import printable

WIDTH = 400
"""In CSS pixels: two panels side by side fill the column of a page on GitHub, one fills a telephone."""

HEIGHT = 270
LINE = 15 / 190
"""The height of a line of text in a panel of this height, as a share of that of the axes."""

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

    def area(self, x: float, y: float, width: float, height: float, **looks: Any) -> None:
        """A rectangle within the axes; the layout, which is slow, need not ask for its size."""
        self.axes.add_patch(Rectangle((x, y), width, height, clip_on=False, **looks)).set_in_layout(False)

    def dot(self, place: float, estimate: Estimate, look: Look, *, upright: bool = False, series: str = "") -> None:
        """A value and its interval; hollow where it is that of a single run."""
        face = look.color if estimate.n > 1 else LIGHT["paper"]
        low, high = bounds(estimate)
        self._line((place, place), (low, high), look.color, upright, series)
        (dot,) = self._line((place,), (estimate.value,), look.color, upright, series)
        dot.set(marker=look.marker, markerfacecolor=face, markeredgewidth=2)

    def _line(
        self, places: Sequence[float], values: Sequence[float], color: str, upright: bool, series: str
    ) -> list[Line2D]:
        x, y = (places, values) if upright else (values, places)
        name = self.part_of(series) if series else None
        return self.axes.plot(x, y, color=color, solid_capstyle="round", gid=name)

    def part_of(self, series: str) -> str:
        """The name of one more element that belongs to a series, which a page can switch off."""
        name = f"series{len(self.series)}"
        self.series[name] = printable(series)
        return name


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's own defaults and ours; whatever the user has set up does not touch a figure."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def canvas(label: str, height: float, *, title: str = "", grid: str = "y") -> Canvas:
    """An empty panel with grid lines across one axis or none."""
    size = (WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH)
    drawing = Drawing(figsize=size, dpi=UNITS_PER_INCH, layout="constrained")
    axes = drawing.add_subplot()
    axes.grid(visible=False)
    if grid:
        axes.grid(visible=True, axis="x" if grid == "x" else "y")
    axes.set_title(short(title, 44))
    return Canvas(printable(label), drawing, axes)


def axis_percent(fraction: float, _: float) -> str:
    """62%, and 62.5% where an axis is that fine."""
    return f"{round(100 * fraction, 1):g}%"


def quantity_told(quantity: str, estimates: Iterable[Estimate | None]) -> str:
    """The label of an axis; it says what a hollow mark is where there is one."""
    single = any(estimate.n == 1 for estimate in estimates if estimate)
    return f"{quantity} (hollow: a single run)" if single else quantity


def short(text: str, length: int = 26) -> str:
    """Printable, and cut off where it would leave no room for the figure."""
    text = printable(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def bounds(estimate: Estimate) -> tuple[float, float]:
    """The ends of the interval; the value itself where there is none."""
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return low, high


def limits(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """The range of an axis of accuracies: all intervals with room around them, within 0 to 1."""
    ends = [end for estimate in estimates for end in bounds(estimate)] or [0.0, 1.0]
    room = max(0.08 * (max(ends) - min(ends)), 0.005)
    return max(-0.004, min(ends) - room), min(1.004, max(ends) + room)


def spread(places: Sequence[float], distance: float) -> list[float]:
    """The places moved apart, as little as a pass from below needs, until neighbours are `distance` away."""
    moved = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + distance)
    shift = (sum(moved) - sum(places)) / len(places) if places else 0.0
    return [place - shift for place in moved]
