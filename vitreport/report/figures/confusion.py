"""The confusion matrix."""

from collections.abc import Iterator

from vitreport.analysis.details import Confusion
from vitreport.analysis.summary import Group
from vitreport.formatting import percent
from vitreport.report.figures.canvas import NORMAL, SMALL, WIDTH, Canvas, short, text_width
from vitreport.report.figures.classes import MOST_CLASSES
from vitreport.report.figures.figure import Figure, FigureTable
from vitreport.report.figures.palette import LIGHT

DARKEST = 0.55
"""The opacity of a share of 1: the numbers in ink can be read on it in light and in dark colours."""

NUMBERED = 12
RARE = 0.005
"""A smaller share is left blank; with more classes than are numbered it has no cell."""

SMALLEST = 8
"""The size of letters that can still be read: of many classes every second or third is named."""


def confusion_figure(group: Group, confusion: Confusion | None, where: str) -> Iterator[Figure]:
    """Make the figure of a confusion matrix, unless its classes are too many to be read."""
    if not confusion or not 1 < len(confusion.classes) <= MOST_CLASSES:
        return
    share, true, taken = max(
        (count / max(1, sum(row)), confusion.classes[i], confusion.classes[j])
        for i, row in enumerate(confusion.counts)
        for j, count in enumerate(row)
        if i != j
    )
    seeds = f"summed over {confusion.n} seeds" if confusion.n > 1 else "of a single run"
    yield Figure(
        name=f"{group.id}-confusion",
        kind="confusion",
        title=f"Confusion of {where}",
        alt=f"Confusion matrix of {where}: most often {true} is taken for {taken}, {percent(share, 1)} of its images.",
        caption=f"True class (rows) against predicted class (columns), {seeds}; shares of the row, no intervals.",
        data=confusion,
        table=FigureTable(
            ("class \N{RIGHTWARDS ARROW} taken for", *confusion.classes),
            tuple((name, *counts) for name, counts in zip(confusion.classes, confusion.counts, strict=True)),
        ),
    )


def draw_confusion(confusion: Confusion) -> list[Canvas]:
    """Draw the matrix; each row shows how the images of a class are shared out over the predicted classes."""
    from matplotlib.colors import to_rgba

    count = len(confusion.classes)
    names = [short(name, 12) for name in confusion.classes]
    longest = text_width(max(names, key=len), SMALL) + 8
    left, right = longest + NORMAL + 6, 8
    side = WIDTH - left - right
    is_wide = longest > side / count
    bottom = (longest if is_wide else NORMAL + 8) + NORMAL + 10
    panel = Canvas("taken for", grid="", height=12 + side + bottom, left=left, right=right, bottom=bottom)
    axes = panel.axes
    named = range(0, count, -(-count * SMALLEST // int(side)))
    size = min(SMALL, side * named.step / count)
    axes.set_xticks(named, [names[place] for place in named], rotation=90 if is_wide else 0, fontsize=size)
    axes.set_yticks(named, [names[place] for place in named], fontsize=size)
    middle = (panel.height - 12 - side / 2) / panel.height
    panel.drawing.text(12 / WIDTH, middle, "class", rotation=90, ha="center", va="center", color=LIGHT["muted"])
    axes.spines["bottom"].set_visible(False)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
    cells = [
        (row, column, number, number / (sum(counts) or 1), sum(counts))
        for row, counts in enumerate(confusion.counts)
        for column, number in enumerate(counts)
        if count <= NUMBERED or number >= RARE * (sum(counts) or 1)
    ]
    axes.scatter(
        [column for _, column, *_ in cells],
        [row for row, *_ in cells],
        s=(0.94 * side / count) ** 2,
        marker="s",
        color=[to_rgba(LIGHT["blue"], 0.03 + (DARKEST - 0.03) * share) for *_, share, _ in cells],
        linewidths=0,
    )
    for row, column, number, share, total in cells:
        if count <= NUMBERED and share >= RARE:
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center_baseline", fontsize=SMALL)
        said = f"{confusion.classes[row]} taken for {confusion.classes[column]}: {number:,} of {total:,}"
        panel.tip(column - 0.5, row - 0.5, column + 0.5, row + 0.5, f"{said} ({percent(share, 1)})")
    return [panel]
