"""How far the confidence of a network can be trusted."""

from collections.abc import Iterator

from vitreport.analysis.details import Calibration
from vitreport.analysis.summary import Group
from vitreport.formatting import methods, percent
from vitreport.report.figures.canvas import LOOKS, Canvas
from vitreport.report.figures.figure import Figure, FigureTable
from vitreport.report.figures.palette import LIGHT


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
