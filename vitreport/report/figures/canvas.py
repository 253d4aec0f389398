"""The panel on which every figure is drawn: matplotlib axes of a fixed width without clutter.

Lengths are CSS pixels. matplotlib is imported when the first panel is made: most commands draw nothing.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import ceil, floor, isclose
from typing import Any, Literal, NamedTuple

from vitreport.formatting import Estimate, printable
from vitreport.report.figures.palette import LIGHT

WIDTH = 400
"""Two panels side by side fill the column of a page on GitHub, one fills a telephone."""

HEIGHT = 270
SMALL, NORMAL = 11, 12
LETTER = 0.6
"""Width of a letter of matplotlib's font as a share of its size; the fonts of browsers are narrower."""

UNITS_PER_INCH = 72
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": NORMAL,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": LIGHT["muted"],
    "axes.edgecolor": LIGHT["rule"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "grid.color": LIGHT["rule"],
    "grid.linewidth": 1,
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
}


class Look(NamedTuple):
    """How a series differs from the others, also where colours are not seen."""

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


class Canvas:
    """A panel: matplotlib axes with fixed margins.

    Attributes:
        label: What the panel is, for screen readers.
        tips: Rectangles (left, top, width, height) with the text that is shown when one points at them.
        series: Names of the series, by the number in the id of their elements.
    """

    def __init__(
        self,
        label: str,
        *,
        title: str = "",
        xlabel: str = "",
        key: str = "",
        grid: Literal["x", "y", ""] = "y",
        height: float = HEIGHT,
        left: float = 58,
        right: float = 16,
        bottom: float = 46,
    ) -> None:
        from matplotlib.figure import Figure

        height, bottom = (height + 16, bottom + 16) if key else (height, bottom)
        self.label, self.height = printable(label), round(height)
        self.tips: list[tuple[tuple[float, float, float, float], str]] = []
        self.series: list[str] = []
        top = 34 if title else 12
        self.size = (WIDTH - left - right, self.height - top - bottom)
        self.drawing = Figure(figsize=(WIDTH / UNITS_PER_INCH, self.height / UNITS_PER_INCH), dpi=UNITS_PER_INCH)
        self.axes = self.drawing.add_axes(
            (left / WIDTH, bottom / self.height, self.size[0] / WIDTH, self.size[1] / self.height)
        )
        self.drawing.patch.set_visible(False)
        self.axes.patch.set_visible(False)
        if grid:
            self.axes.grid(visible=True, axis=grid)
        self.axes.set_title(short(title, 44))
        self.axes.set_xlabel(xlabel)
        below: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "center"}
        self.axes.annotate(key, (0.5, 0), (0, -50), color=LIGHT["muted"], fontsize=SMALL, **below)

    def tip(self, left: float, low: float, right: float, high: float, text: str, pad: float = 0) -> None:
        """Show a text over a rectangle in units of the data, widened by `pad` pixels on each side."""
        (x0, y0), (x1, y1) = self.axes.transData.transform([(left, low), (right, high)])
        x, y, width, height = min(x0, x1) - pad, self.height - max(y0, y1) - pad, abs(x1 - x0), abs(y1 - y0)
        self.tips.append(((float(x), float(y), float(width + 2 * pad), float(height + 2 * pad)), printable(text)))

    def id_of(self, series: str) -> str | None:
        """Return an id for one more element of a series, which readers of the HTML page can switch off."""
        if not series:
            return None
        self.series.append(printable(series))
        return f"series{len(self.series) - 1}"

    def dot(
        self,
        place: float,
        estimate: Estimate,
        look: Look = LOOKS[0],
        *,
        upright: bool = True,
        series: str = "",
        ringed: bool = False,
    ) -> None:
        """Draw a value with its interval; the marker of a single run is hollow, a baseline has a ring."""
        face = look.color if estimate.n > 1 else LIGHT["paper"]
        marks: list[dict[str, Any]] = [
            {"marker": look.marker, "markerfacecolor": face, "markeredgewidth": 2, "color": look.color}
        ]
        if ringed:
            marks.append({"marker": "o", "markerfacecolor": "none", "markersize": 14, "color": LIGHT["ink"]})
        lines: list[tuple[Sequence[float], dict[str, Any]]] = [
            (bounds(estimate), {"color": look.color, "solid_capstyle": "round"}),
            *(((estimate.value,), {**mark, "linestyle": "none", "clip_on": False}) for mark in marks),
        ]
        for values, looks in lines:
            places = [place] * len(values)
            x, y = (places, values) if upright else (values, places)
            self.axes.plot(x, y, gid=self.id_of(series), **looks)

    def share_axis(self, name: Literal["x", "y"], shares: Iterable[float], most: int = 6) -> None:
        """Fit an axis to shares with some room around them, and label it in percent with the same digits."""
        shares = list(shares) or [0.0, 1.0]
        extent = max(shares) - min(shares)
        room, margin = max(0.08 * extent, 0.005), max(0.025 * extent, 0.001)
        low, high = max(-margin, min(shares) - room), min(1 + margin, max(shares) + room)
        ticks = [100 * tick for tick in round_ticks(low, high, most)]
        digits = next(n for n in range(9) if all(isclose(tick, round(tick, n), abs_tol=1e-9) for tick in ticks))
        axis = self.axes.xaxis if name == "x" else self.axes.yaxis
        axis.set_ticks([tick / 100 for tick in ticks], [f"{tick:.{digits}f}%" for tick in ticks])
        self.axes.set(**{f"{name}lim": (low, high)})


@contextmanager
def style() -> Iterator[None]:
    """Set matplotlib's own defaults and ours, whatever the user has configured.

    A letter that matplotlib's font lacks is drawn by the reader's browser, so its warning is not of interest.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def round_ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`, at most `most` + 1."""
    steps = (digits * 10.0**power for power in range(-9, 40) for digits in (1, 2, 2.5, 5))
    step = next(step for step in steps if (high - low) / step <= most and (not whole or step.is_integer()))
    return [index * step for index in range(ceil(low / step), floor(high / step) + 1)]


def text_width(text: str, size: float = NORMAL) -> float:
    """Return about the width of a text."""
    return LETTER * size * len(text)


def short(text: str, length: int = 26) -> str:
    """Cut the middle out of a long text: names differ at their ends."""
    text = printable(text)
    kept = length - 1
    return text if len(text) <= length else f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}"


def distinct(names: Sequence[str]) -> list[str]:
    """Cut names short so that they still differ, without their common beginning if necessary."""
    cut = [short(name) for name in names]
    if len(set(cut)) == len(set(names)):
        return cut
    columns = enumerate(zip(*names, strict=False))
    shared = next((place for place, letters in columns if len(set(letters)) > 1), min(map(len, names)))
    return [short(f"…{name[max(0, shared - 2) :]}") for name in names]


def bounds(estimate: Estimate) -> tuple[float, float]:
    """Return the ends of the interval, or the value twice if there is none."""
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return low, high


def ends(estimates: Iterable[Estimate | None]) -> list[float]:
    """Return the ends of all intervals."""
    return [end for estimate in estimates if estimate for end in bounds(estimate)]


def key_of(estimates: Iterable[Estimate | None], *others: str) -> str:
    """Return what the marks mean that not every figure has."""
    single = ["hollow: a single run"] if any(estimate and estimate.n == 1 for estimate in estimates) else []
    return "; ".join([*single, *filter(None, others)])


def spread(places: Sequence[float], distance: float) -> list[float]:
    """Move places apart until neighbours are `distance` away, around the same mean."""
    moved = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + distance)
    shift = (sum(moved) - sum(places)) / len(places) if places else 0.0
    return [place - shift for place in moved]
