"""How far a network's confidence can be trusted."""

from vitreport.analysis.details import Calibration
from vitreport.formatting import percent
from vitreport.report.figures.drawing.canvas import HEIGHT, LOOKS, Canvas, canvas, in_percent
from vitreport.report.figures.drawing.palette import LIGHT


def calibration(measured: Calibration) -> list[Canvas]:
    """Accuracy against confidence, and how many images have that confidence."""
    filled = [each for each in measured.bins if each.count]
    return [_reliability(measured), _confidences(measured)] if filled else []


def _reliability(measured: Calibration) -> Canvas:
    panel = canvas("accuracy by confidence", HEIGHT, title="Accuracy by confidence")
    axes = panel.axes
    filled = [each for each in measured.bins if each.count]
    axes.plot([0, 1], [0, 1], color=LIGHT["muted"], linewidth=1, dashes=(3, 3))
    is_above = sum(each.accuracy - each.confidence for each in filled) > 0
    x, y, side, edge = (0.54, 0.5, "left", "top") if is_above else (0.5, 0.54, "right", "baseline")
    axes.text(x, y, "calibrated", color=LIGHT["muted"], fontsize=11, ha=side, va=edge)
    axes.plot(
        [each.confidence for each in filled],
        [each.accuracy for each in filled],
        "o-",
        color=LOOKS[0].color,
        clip_on=False,
    )
    axes.set_ylim(-0.02, 1.02)
    _share_axes(panel, "confidence")
    width = 1 / len(measured.bins)
    for index, each in enumerate(measured.bins):
        if each.count:
            said = f"confidence {percent(each.confidence, 1)}: accuracy {percent(each.accuracy, 1)}"
            panel.tip(index * width, 0, width, 1, f"{said} ({each.count:,} images)")
    return panel


def _confidences(measured: Calibration) -> Canvas:
    panel = canvas("share of images by confidence", HEIGHT, title="Images by confidence")
    total = sum(each.count for each in measured.bins)
    width = 1 / len(measured.bins)
    for index, each in enumerate(measured.bins):
        share = each.count / total
        panel.axes.bar((index + 0.5) * width, share, 0.86 * width, color=LOOKS[0].color)
        panel.tip(index * width, 0, width, max(share, 0.02), f"{each.count:,} images ({percent(share, 1)})")
    panel.axes.set_ylim(0, None)
    _share_axes(panel, "confidence")
    return panel


def _share_axes(panel: Canvas, quantity: str) -> None:
    panel.axes.set_xlim(-0.02, 1.02)
    panel.axes.set_xlabel(quantity)
    in_percent(panel.axes.xaxis, 5)
    in_percent(panel.axes.yaxis, 5)
