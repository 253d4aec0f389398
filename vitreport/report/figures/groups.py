"""The figures of the answers of a group: the confusion matrix, confident mistakes, and what its network attends to."""

from collections.abc import Iterator
from itertools import product

from vitreport.analysis.group_details import Confusion
from vitreport.analysis.groups import Group
from vitreport.analysis.references import where_of
from vitreport.formatting import counted, percent, short
from vitreport.report.blocks import Figure, Kind
from vitreport.report.figures.attention import KEY
from vitreport.report.figures.canvas import LETTER, SMALL, WIDTH, Canvas
from vitreport.report.tables import most_confused

MAX_CLASSES, SIDE = 15, 300
RARE = 0.005  # a smaller share has no number


def _figure(group: Group, kind: Kind, subject: str, seen: str, caption: str, data: object) -> Figure:
    name, title = f"{group.id}-{subject.split()[-1]}", f"{subject} of {where_of(group)}"
    return Figure(name, kind, title, f"{title}: {seen}.", caption, data)


def confusion_figure(group: Group) -> Iterator[Figure]:
    """Make the figure of a confusion matrix, unless it has too many classes to be read."""
    confusion = group.details.confusion if group.details else None
    if not confusion or not 1 < len(confusion.classes) <= MAX_CLASSES:
        return
    seen = "no image is misclassified"
    for share, true, taken, _ in most_confused(confusion, most=1):
        seen = f"most often {true} is classified as {taken}, {percent(share, 1)} of its images"
    seeds = f"summed over {confusion.n} seeds" if confusion.n > 1 else "of a single run"
    caption = f"True class (rows) against predicted class (columns), {seeds}; shares of the row, no intervals."
    yield _figure(group, "confusion", "Confusion", seen, caption, confusion)


def draw_confusion(confusion: Confusion) -> Canvas:
    """Draw the matrix; each row shows how the images of a class are shared out over the predicted classes."""
    count = len(confusion.classes)
    names = [short(name, 12) for name in confusion.classes]
    is_wide = LETTER * SMALL * max(map(len, names)) > SIDE / count
    panel = Canvas("predicted", grid=None, height=WIDTH)
    axes = panel.axes
    axes.set_xticks(range(count), names, rotation=90 if is_wide else 0, fontsize=SMALL)
    axes.set_yticks(range(count), names, fontsize=SMALL)
    axes.set_ylabel("class")
    axes.spines["bottom"].set_visible(False)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    shares = [[number / (sum(row) or 1) for number in row] for row in confusion.counts]
    for i, j in product(range(count), repeat=2):
        said = f"{confusion.counts[i][j]:,} of {sum(confusion.counts[i]):,} ({percent(shares[i][j], 1)})"
        words = f"{confusion.classes[i]} classified as {confusion.classes[j]}: {said}"
        panel.cell(i, j, shares[i][j], f"{100 * shares[i][j]:.0f}" if shares[i][j] >= RARE else "", words)
    return panel


def mistakes_figure(group: Group) -> Iterator[Figure]:
    """Make the figure of a group's confident mistakes: a picture, which is not drawn again."""
    mistakes = group.details.mistakes if group.details else None
    if not mistakes:
        return
    count, shown = len(mistakes.images), [mistakes.images[0], mistakes.images[-1]]
    ends = [
        f"{each.label} classified as {each.predicted} at {percent(each.confidence, 1)} confidence" for each in shown
    ]
    which = (
        f"{count} most confident of {mistakes.wrong:,} mistakes"
        if mistakes.wrong > count
        else counted(count, "mistake")
    )
    caption = f"The {which} of the run with seed {mistakes.seed}; other seeds make other mistakes."
    seen = f"{count} test images, from {' to '.join(ends)}"
    yield _figure(group, "mistakes", "Confident mistakes", seen, caption, mistakes)


def attention_figure(group: Group) -> Iterator[Figure]:
    """Make the figure of what a run of a group attends to: a picture, which is not drawn again."""
    attention = group.details.attention if group.details else None
    if not attention:
        return
    count, wrong = len(attention.images), sum(each.label != each.predicted for each in attention.images)
    seen = f"{counted(count, 'test image')}, each beside its attention map, {wrong} classified wrongly"
    caption = f"{attention.method} (run with seed {attention.seed}). {KEY}"
    yield _figure(group, "attention", "Attention", seen, caption, attention)
