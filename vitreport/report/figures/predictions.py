"""What a network does with the test images of each class: accuracy, confusion, calibration and confident mistakes."""

from collections.abc import Iterator, Sequence

from vitreport.analysis.group_details import Calibration, ClassAccuracy, Confusion, Mistakes
from vitreport.analysis.groups import Group
from vitreport.formatting import methods, percent
from vitreport.report.figures.canvas import LOOKS, NORMAL, SMALL, WIDTH, Canvas, short, text_width
from vitreport.report.figures.figure import ESTIMATE_COLUMNS, Figure, FigureTable, estimate_cells
from vitreport.report.figures.palette import LIGHT
from vitreport.report.figures.rows import Row, draw_rows

MOST_CLASSES = 50
DARKEST = 0.55
"""The opacity of a share of 1: the numbers in ink can be read on it in light and in dark colours."""

NUMBERED = 12
RARE = 0.005
"""A smaller share is left blank; with more classes than are numbered it has no cell."""

SMALLEST = 8
"""The size of letters that can still be read: of many classes every second or third is named."""


def classes_figure(group: Group, classes: tuple[ClassAccuracy, ...], where: str) -> Iterator[Figure]:
    """Make the figure of the classes of a group, unless they are too many to be read."""
    if not 0 < len(classes) <= MOST_CLASSES:
        return
    ordered = sorted(classes, key=lambda each: each.accuracy.value)
    lowest, highest = ordered[0], ordered[-1]
    yield Figure(
        name=f"{group.id}-classes",
        kind="classes",
        title=f"Classes of {where}",
        alt=f"Test accuracy of {where} by class: highest {highest.name} {highest.accuracy.in_percent()}, "
        f"lowest {lowest.name} {lowest.accuracy.in_percent()}.",
        caption=f"Test accuracy by class. {methods(each.accuracy for each in classes)}",
        data=classes,
        table=FigureTable(
            ("class", *ESTIMATE_COLUMNS), tuple((each.name, *estimate_cells(each.accuracy)) for each in classes)
        ),
    )


def draw_classes(classes: Sequence[ClassAccuracy]) -> list[Canvas]:
    """Draw the classes from the easiest to the hardest."""
    rows = [Row(each.name, each.accuracy) for each in sorted(classes, key=lambda each: -each.accuracy.value)]
    return [draw_rows("", "accuracy of a class", rows, [row.accuracy for row in rows])]


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


def calibration_figure(group: Group, calibration: Calibration | None, where: str) -> Iterator[Figure]:
    """Make the figure of a group's calibration, if it was measured."""
    if not calibration or not any(each.count for each in calibration.bins):
        return
    error = calibration.error.in_percent()
    yield Figure(
        name=f"{group.id}-calibration",
        kind="calibration",
        title=f"Calibration of {where}",
        alt=f"Calibration of {where}: expected calibration error {error}.",
        caption="Accuracy against confidence of the test images; on the diagonal a network is calibrated. "
        f"Expected calibration error {error}. {methods([calibration.error])}",
        data=calibration,
        table=FigureTable(
            ("confidence", "accuracy", "images"),
            tuple((each.confidence, each.accuracy, each.count) for each in calibration.bins if each.count),
        ),
    )


def draw_calibration(calibration: Calibration) -> list[Canvas]:
    """Draw accuracy by confidence, and the share of images by confidence."""
    reliability = Canvas("confidence", title="Accuracy by confidence")
    images = Canvas("confidence", title="Images by confidence")
    color, width = LOOKS[0].color, 1 / len(calibration.bins)
    filled = [(index * width, each) for index, each in enumerate(calibration.bins) if each.count]
    total = sum(each.count for _, each in filled)
    for panel in (reliability, images):
        panel.share_axis("x", (0, 1), 5)
    reliability.share_axis("y", (0, 1), 5)
    images.share_axis("y", [0, *(each.count / total for _, each in filled)], 5)
    reliability.axes.plot([0, 1], [0, 1], color=LIGHT["muted"], linewidth=1, dashes=(3, 3))
    points = [(each.confidence, each.accuracy) for _, each in filled]
    reliability.axes.plot(*zip(*points, strict=True), "o-", color=color, clip_on=False)
    middles = [start + width / 2 for start, _ in filled]
    images.axes.bar(middles, [each.count / total for _, each in filled], 0.86 * width, color=color)
    for start, each in filled:
        said = f"confidence {percent(each.confidence, 1)}: accuracy {percent(each.accuracy, 1)}"
        reliability.tip(start, 0, start + width, 1, f"{said} ({each.count:,} images)")
        share = each.count / total
        images.tip(start, 0, start + width, max(share, 0.02), f"{each.count:,} images ({percent(share, 1)})")
    return [reliability, images]


def mistakes_figure(group: Group, mistakes: Mistakes | None, where: str) -> Iterator[Figure]:
    """Make the figure of a group's mistakes, if they were recorded: a picture, which is not drawn again."""
    if not mistakes:
        return
    count, first, last = len(mistakes.mistakes), mistakes.mistakes[0], mistakes.mistakes[-1]
    some = f"The {count} most confident of {mistakes.wrong:,}" if count < mistakes.wrong else f"All {count}"
    which = "The only mistake" if mistakes.wrong == 1 else f"{some} mistakes"
    yield Figure(
        name=f"{group.id}-mistakes",
        kind="mistakes",
        title=f"Confident mistakes of {where}",
        alt=f"Test images of {where} that were taken for another class: {count}, from {first.label} taken for "
        f"{first.predicted} at {percent(first.confidence, 1)} confidence to {last.label} taken for {last.predicted} "
        f"at {percent(last.confidence, 1)}.",
        caption=f"{which} on {mistakes.count:,} test images, row by row, of the run with seed {mistakes.seed}; other "
        "seeds make others.",
        data=mistakes,
        table=FigureTable(
            ("test image", "class", "taken for", "confidence"),
            tuple((each.index, each.label, each.predicted, each.confidence) for each in mistakes.mistakes),
        ),
    )
