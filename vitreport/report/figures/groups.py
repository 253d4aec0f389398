"""The figures of one group: its curves, and what its network does with the test images of each class."""

from collections.abc import Iterator, Sequence

from vitreport.analysis.group_details import Calibration, ClassAccuracy, Confusion, Details, Mistakes
from vitreport.analysis.groups import Group
from vitreport.analysis.references import where_of
from vitreport.formatting import methods, percent
from vitreport.report.blocks import Figure, Kind
from vitreport.report.figures.accuracy import Row
from vitreport.report.figures.canvas import LETTER, LIGHT, LOOKS, SMALL, WIDTH, Canvas, short
from vitreport.report.figures.curves import splits_figure

MOST_CLASSES, SIDE = 50, 300
DARKEST = 0.55  # the opacity of a share of 1: the numbers in ink can be read on it in light and in dark colours
NUMBERED = 12
RARE = 0.005  # a smaller share is left blank; with more classes than are numbered it has no cell
SMALLEST = 8  # the size of letters that can still be read: of many classes every second or third is named


def figures_of_group(group: Group) -> Iterator[Figure]:
    """Make the figures for which the group has details; classes that are too many to be read have none."""
    details = group.details or Details()
    yield from splits_figure(group)
    if 0 < len(details.classes) <= MOST_CLASSES:
        yield classes_figure(group, details.classes)
    if details.confusion and 1 < len(details.confusion.classes) <= MOST_CLASSES:
        yield confusion_figure(group, details.confusion)
    if details.calibration and any(each.count for each in details.calibration.bins):
        yield calibration_figure(group, details.calibration)
    if details.mistakes:
        yield mistakes_figure(group, details.mistakes)


def _figure(group: Group, kind: Kind, subject: str, seen: str, caption: str, data: object) -> Figure:
    name, title = f"{group.id}-{subject.split()[-1]}", f"{subject} of {where_of(group)}"
    return Figure(name, kind, title, f"{title}: {seen}.", caption, data, group.architecture, group.dataset)


def classes_figure(group: Group, classes: Sequence[ClassAccuracy]) -> Figure:
    """Make the figure of the classes from the easiest to the hardest."""
    ordered = sorted(classes, key=lambda each: -each.accuracy.value)
    ends = [f"{each.name} {each.accuracy.in_percent()}" for each in (ordered[0], ordered[-1])]
    caption = f"Test accuracy by class. {methods(each.accuracy for each in classes)}"
    rows = tuple(Row(each.name, each.accuracy) for each in ordered)
    return _figure(group, "classes", "Classes", f"test accuracy from {' to '.join(ends)}", caption, rows)


def confusion_figure(group: Group, confusion: Confusion) -> Figure:
    """Make the figure of a confusion matrix."""
    share, true, taken = max(
        (count / max(1, sum(row)), confusion.classes[i], confusion.classes[j])
        for i, row in enumerate(confusion.counts)
        for j, count in enumerate(row)
        if i != j
    )
    most = f"most often {true} is taken for {taken}, {percent(share, 1)} of its images"
    seeds = f"summed over {confusion.n} seeds" if confusion.n > 1 else "of a single run"
    caption = f"True class (rows) against predicted class (columns), {seeds}; shares of the row, no intervals."
    return _figure(group, "confusion", "Confusion", most, caption, confusion)


def draw_confusion(confusion: Confusion) -> Canvas:
    """Draw the matrix; each row shows how the images of a class are shared out over the predicted classes."""
    from matplotlib.colors import to_rgba

    count = len(confusion.classes)
    names = [short(name, 12) for name in confusion.classes]
    is_wide = LETTER * SMALL * max(map(len, names)) > SIDE / count
    panel = Canvas("predicted", grid=None, height=WIDTH)
    axes = panel.axes
    named = range(0, count, -(-count * SMALLEST // SIDE))
    size = min(SMALL, SIDE * named.step / count)
    axes.set_xticks(named, names[:: named.step], rotation=90 if is_wide else 0, fontsize=size)
    axes.set_yticks(named, names[:: named.step], fontsize=size)
    axes.set_ylabel("class")
    axes.spines["bottom"].set_visible(False)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    shares = [[number / (sum(row) or 1) for number in row] for row in confusion.counts]
    cells = [(i, j) for i in range(count) for j in range(count) if count <= NUMBERED or shares[i][j] >= RARE]
    colors = [to_rgba(LIGHT["blue"], 0.03 + (DARKEST - 0.03) * shares[i][j]) for i, j in cells]
    places, size = ([j for _, j in cells], [i for i, _ in cells]), (0.94 * SIDE / count) ** 2
    axes.scatter(*places, s=size, c=colors, marker="s", linewidths=0)
    for i, j in cells:
        if count <= NUMBERED and shares[i][j] >= RARE:
            axes.text(j, i, f"{100 * shares[i][j]:.0f}", ha="center", va="center_baseline", fontsize=SMALL)
        said = f"{confusion.counts[i][j]:,} of {sum(confusion.counts[i]):,} ({percent(shares[i][j], 1)})"
        words = f"{confusion.classes[i]} taken for {confusion.classes[j]}: {said}"
        panel.tip(words, (j - 0.5, j + 0.5), (i - 0.5, i + 0.5))
    return panel


def calibration_figure(group: Group, calibration: Calibration) -> Figure:
    """Make the figure of a group's calibration."""
    error = f"expected calibration error {calibration.error.in_percent()}"
    diagonal = "Accuracy against confidence of the test images; on the diagonal a network is calibrated"
    caption = f"{diagonal}; {error}. {methods([calibration.error])}"
    return _figure(group, "calibration", "Calibration", error, caption, calibration)


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
    places = [each.confidence for _, each in filled], [each.accuracy for _, each in filled]
    reliability.axes.plot(*places, "o-", color=color, clip_on=False)
    images.axes.bar([start + width / 2 for start, _ in filled], shares, 0.86 * width, color=color)
    for (start, each), share in zip(filled, shares, strict=True):
        said = f"confidence {percent(each.confidence, 1)}: accuracy {percent(each.accuracy, 1)}"
        reliability.tip(f"{said} ({each.count:,} images)", (start, start + width))
        images.tip(f"{each.count:,} images ({percent(share, 1)})", (start, start + width), (0, share))
    return [reliability, images]


def mistakes_figure(group: Group, mistakes: Mistakes) -> Figure:
    """Make the figure of a group's confident mistakes: a picture, which is not drawn again."""
    count, shown = len(mistakes.mistakes), [mistakes.mistakes[0], mistakes.mistakes[-1]]
    ends = [f"{each.label} taken for {each.predicted} at {percent(each.confidence, 1)} confidence" for each in shown]
    which = f"The {count} most confident of {mistakes.wrong:,} mistakes on {mistakes.count:,} test images"
    caption = f"{which}, row by row, of the run with seed {mistakes.seed}; other seeds make others."
    seen = f"{count} test images, from {' to '.join(ends)}"
    return _figure(group, "mistakes", "Confident mistakes", seen, caption, mistakes)
