"""What a network does with the test images of each class: accuracy, confusion, calibration and confident mistakes."""

from collections.abc import Iterator

from vitreport.analysis.group_details import Calibration, ClassAccuracy, Confusion, Mistakes
from vitreport.analysis.groups import Group
from vitreport.analysis.titles import where_of
from vitreport.formatting import methods, percent
from vitreport.report.blocks import Figure
from vitreport.report.figures.canvas import LOOKS, NORMAL, SMALL, WIDTH, Canvas, short, text_width
from vitreport.report.figures.palette import LIGHT
from vitreport.report.figures.rows import Row

MOST_CLASSES = 50
DARKEST = 0.55
"""The opacity of a share of 1: the numbers in ink can be read on it in light and in dark colours."""

NUMBERED = 12
RARE = 0.005
"""A smaller share is left blank; with more classes than are numbered it has no cell."""

SMALLEST = 8
"""The size of letters that can still be read: of many classes every second or third is named."""


def classes_figure(group: Group, classes: tuple[ClassAccuracy, ...]) -> Iterator[Figure]:
    """Make the figure of the classes of a group from the easiest to the hardest, unless they are too many."""
    if not 0 < len(classes) <= MOST_CLASSES:
        return
    ordered = sorted(classes, key=lambda each: -each.accuracy.value)
    highest, lowest = (f"{each.name} {each.accuracy.in_percent()}" for each in (ordered[0], ordered[-1]))
    yield Figure(
        name=f"{group.id}-classes",
        kind="classes",
        title=f"Classes of {where_of(group)}",
        alt=f"Test accuracy of {where_of(group)} by class: highest {highest}, lowest {lowest}.",
        caption=f"Test accuracy by class. {methods(each.accuracy for each in classes)}",
        data=tuple(Row(each.name, each.accuracy) for each in ordered),
    )


def confusion_figure(group: Group, confusion: Confusion | None) -> Iterator[Figure]:
    """Make the figure of a confusion matrix, unless its classes are too many."""
    if not confusion or not 1 < len(confusion.classes) <= MOST_CLASSES:
        return
    share, true, taken = max(
        (count / max(1, sum(row)), confusion.classes[i], confusion.classes[j])
        for i, row in enumerate(confusion.counts)
        for j, count in enumerate(row)
        if i != j
    )
    most = f"most often {true} is taken for {taken}, {percent(share, 1)} of its images"
    seeds = f"summed over {confusion.n} seeds" if confusion.n > 1 else "of a single run"
    yield Figure(
        name=f"{group.id}-confusion",
        kind="confusion",
        title=f"Confusion of {where_of(group)}",
        alt=f"Confusion matrix of {where_of(group)}: {most}.",
        caption=f"True class (rows) against predicted class (columns), {seeds}; shares of the row, no intervals.",
        data=confusion,
    )


def draw_confusion(confusion: Confusion) -> Canvas:
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
    axes.set_xticks(named, names[:: named.step], rotation=90 if is_wide else 0, fontsize=size)
    axes.set_yticks(named, names[:: named.step], fontsize=size)
    axes.set_ylabel("class")
    axes.yaxis.set_label_coords(-longest / side, 0.5)
    axes.spines["bottom"].set_visible(False)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
    shares = [[number / (sum(row) or 1) for number in row] for row in confusion.counts]
    cells = [(i, j) for i in range(count) for j in range(count) if count <= NUMBERED or shares[i][j] >= RARE]
    axes.scatter(
        [j for _, j in cells],
        [i for i, _ in cells],
        s=(0.94 * side / count) ** 2,
        marker="s",
        color=[to_rgba(LIGHT["blue"], 0.03 + (DARKEST - 0.03) * shares[i][j]) for i, j in cells],
        linewidths=0,
    )
    for i, j in cells:
        if count <= NUMBERED and shares[i][j] >= RARE:
            axes.text(j, i, f"{100 * shares[i][j]:.0f}", ha="center", va="center_baseline", fontsize=SMALL)
        said = f"{confusion.counts[i][j]:,} of {sum(confusion.counts[i]):,} ({percent(shares[i][j], 1)})"
        words = f"{confusion.classes[i]} taken for {confusion.classes[j]}: {said}"
        panel.tip(j - 0.5, i - 0.5, j + 0.5, i + 0.5, words)
    return panel


def calibration_figure(group: Group, calibration: Calibration | None) -> Iterator[Figure]:
    """Make the figure of a group's calibration, if it was measured."""
    if not calibration or not any(each.count for each in calibration.bins):
        return
    error = calibration.error.in_percent()
    yield Figure(
        name=f"{group.id}-calibration",
        kind="calibration",
        title=f"Calibration of {where_of(group)}",
        alt=f"Calibration of {where_of(group)}: expected calibration error {error}.",
        caption="Accuracy against confidence of the test images; on the diagonal a network is calibrated. "
        f"Expected calibration error {error}. {methods([calibration.error])}",
        data=calibration,
    )


def draw_calibration(calibration: Calibration) -> list[Canvas]:
    """Draw accuracy by confidence, and the share of images by confidence."""
    reliability, images = (Canvas("confidence", title=f"{what} by confidence") for what in ("Accuracy", "Images"))
    color, width = LOOKS[0].color, 1 / len(calibration.bins)
    filled = [(index * width, each) for index, each in enumerate(calibration.bins) if each.count]
    shares = [each.count / sum(each.count for _, each in filled) for _, each in filled]
    for panel, values in ((reliability, [0.0, 1.0]), (images, [0.0, *shares])):
        panel.share_axis("x", (0, 1), 5)
        panel.share_axis("y", values, 5)
    reliability.axes.plot([0, 1], [0, 1], color=LIGHT["muted"], linewidth=1, dashes=(3, 3))
    confidences, accuracies = zip(*((each.confidence, each.accuracy) for _, each in filled), strict=True)
    reliability.axes.plot(confidences, accuracies, "o-", color=color, clip_on=False)
    images.axes.bar([start + width / 2 for start, _ in filled], shares, 0.86 * width, color=color)
    for (start, each), share in zip(filled, shares, strict=True):
        said = f"confidence {percent(each.confidence, 1)}: accuracy {percent(each.accuracy, 1)}"
        reliability.tip(start, 0, start + width, 1, f"{said} ({each.count:,} images)")
        images.tip(start, 0, start + width, max(share, 0.02), f"{each.count:,} images ({percent(share, 1)})")
    return [reliability, images]


def mistakes_figure(group: Group, mistakes: Mistakes | None) -> Iterator[Figure]:
    """Make the figure of a group's mistakes, if they were recorded: a picture, which is not drawn again."""
    if not mistakes:
        return
    count, first, last = len(mistakes.mistakes), mistakes.mistakes[0], mistakes.mistakes[-1]
    some = f"The {count} most confident of {mistakes.wrong:,}" if count < mistakes.wrong else f"All {count}"
    which = "The only mistake" if mistakes.wrong == 1 else f"{some} mistakes"
    yield Figure(
        name=f"{group.id}-mistakes",
        kind="mistakes",
        title=f"Confident mistakes of {where_of(group)}",
        alt=f"Test images of {where_of(group)} that were taken for another class: {count}, from {first.label} taken "
        f"for {first.predicted} at {percent(first.confidence, 1)} confidence to {last.label} taken for "
        f"{last.predicted} at {percent(last.confidence, 1)}.",
        caption=f"{which} on {mistakes.count:,} test images, row by row, of the run with seed {mistakes.seed}; other "
        "seeds make others.",
        data=mistakes,
    )
