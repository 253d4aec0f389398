"""Which classes are taken for which."""

from vitreport.analysis.details import Confusion
from vitreport.formatting import percent
from vitreport.report.figures.drawing.canvas import WIDTH, Canvas, canvas, short
from vitreport.report.figures.drawing.palette import LIGHT

DARKEST = 0.55
"""The opacity of a share of 1: the numbers in ink can be read on it on either background."""

NUMBERED = 12
RARE = 0.005
"""A smaller share is left blank; of more classes than are numbered it has no cell."""

SIDE = 280
"""About the length of a side of the matrix."""

SMALLEST, LETTER = 8, 7
"""The height of letters that can still be read, and the width of one of the largest: of very many classes every second
or third is named."""


def confusion(measured: Confusion) -> list[Canvas]:
    """The matrix, by rows: each class shared out over those that it was taken for."""
    count = len(measured.classes)
    panel = canvas("share of each class taken for each class", WIDTH - 20, grid="")
    axes = panel.axes
    names = [short(name, 12) for name in measured.classes]
    named = range(0, count, -(-count * SMALLEST // SIDE))
    size = min(11, SIDE * named.step / count)
    is_wide = max(map(len, names)) * LETTER > SIDE / count
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_aspect("equal")
    shown = [names[place] for place in named]
    axes.set_xticks(named, shown, rotation=90 if is_wide else 0, fontsize=size)
    axes.set_yticks(named, shown, fontsize=size)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel("taken for")
    axes.set_ylabel("class")
    for row, counts in enumerate(measured.counts):
        for column, number in enumerate(counts):
            _cell(panel, measured, row, column, number / (sum(counts) or 1))
    return [panel]


def _cell(panel: Canvas, measured: Confusion, row: int, column: int, share: float) -> None:
    if len(measured.classes) > NUMBERED and share < RARE:
        return
    opacity = 0.03 + (DARKEST - 0.03) * share
    panel.area(column - 0.47, row - 0.47, 0.94, 0.94, color=LIGHT["blue"], alpha=opacity, linewidth=0)
    if len(measured.classes) <= NUMBERED and share >= RARE:
        panel.axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center_baseline", fontsize=11)
    true, taken = measured.classes[row], measured.classes[column]
    said = f"{measured.counts[row][column]:,} of {sum(measured.counts[row]):,} ({percent(share, 1)})"
    panel.tip(column - 0.5, row - 0.5, 1, 1, f"{true} taken for {taken}: {said}")
