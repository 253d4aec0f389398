"""The colors of figures and pages, and how the series of a figure differ."""

from typing import Literal, NamedTuple

COLORS = {  # Okabe and Ito (2008) on GitHub's light and dark backgrounds; no two are the same in light
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9aa4af"),
    "rule": ("#d8dee4", "#30363d"),
    "paper": ("#ffffff", "#0d1117"),
    "blue": ("#0072b2", "#56b4e9"),
    "vermillion": ("#d55e00", "#e8742a"),
    "green": ("#009e73", "#00b685"),
    "purple": ("#cc79a7", "#cc79a7"),
    "orange": ("#e69f00", "#e69f00"),
    "sky": ("#56b4e9", "#3d95d0"),
}
LIGHT, DARK = ({name: pair[theme] for name, pair in COLORS.items()} for theme in (0, 1))


class Look(NamedTuple):
    """How a series differs from the others, also where colors are not seen."""

    color: str
    dash: Literal["solid", "none"] | tuple[float, tuple[float, ...]]
    marker: str


LOOKS = (
    Look(LIGHT["blue"], "solid", "o"),
    Look(LIGHT["vermillion"], (0, (6, 2)), "s"),
    Look(LIGHT["green"], (0, (6, 2, 1.5, 2)), "^"),
    Look(LIGHT["purple"], (0, (1.5, 1.5)), "D"),
    Look(LIGHT["orange"], (0, (3, 2)), "v"),
    Look(LIGHT["sky"], (0, (8, 2, 1.5, 2, 1.5, 2)), "P"),
    Look(LIGHT["blue"], (0, (3, 2)), "X"),
    Look(LIGHT["vermillion"], (0, (1.5, 1.5)), "*"),
)
