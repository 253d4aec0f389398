"""The numbers behind each figure, for the table under it and for those who take them away."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vitreport.analysis.details import Calibration, ClassAccuracy, Confusion, Curve, Mistakes
from vitreport.analysis.summary import Ablation, Pair, Summary
from vitreport.analysis.titles import titles
from vitreport.formatting import Estimate
from vitreport.report.figures.illustrations import CostPoint, Figure, Kind

Number = str | float | int | None
Read = tuple[Sequence[str], Iterable[Sequence[Number]]]
ESTIMATE = ("accuracy", "low", "high", "method", "n")


@dataclass(frozen=True)
class Numbers:
    """Rows as they were measured: accuracies are fractions, losses in nats; None where there is no number."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Number, ...], ...]


def numbers_of(figure: Figure, summary: Summary) -> Numbers:
    """Every number that a figure shows."""
    data: Any = figure.data
    columns, rows = _READ[figure.kind](data, titles(summary))
    return Numbers(tuple(columns), tuple(tuple(row) for row in rows))


def _overview(cells: Sequence[Pair], names: dict[str, str]) -> Read:
    rows = [
        (
            names.get(cell.architecture, cell.architecture),
            names.get(cell.dataset, cell.dataset),
            *_told(cell.group.test),
        )
        for cell in cells
        if cell.group and cell.group.test
    ]
    return ("architecture", "data set", *ESTIMATE), rows


def _curves(curves: Sequence[Curve], _: dict[str, str]) -> Read:
    rows = [
        (curve.split, epoch, curve.mean[i], curve.low[i] if curve.low else None, curve.high[i] if curve.high else None)
        for curve in curves
        for i, epoch in enumerate(curve.epochs)
    ]
    return ("split", "epoch", curves[0].metric, "low", "high"), rows


def _ablation(ablation: Ablation, _: dict[str, str]) -> Read:
    rows = [(*level.texts, level.state, *_told(level.accuracy)) for level in ablation.levels]
    return (*ablation.axes, "state", *ESTIMATE), rows


def _classes(classes: Sequence[ClassAccuracy], _: dict[str, str]) -> Read:
    return ("class", *ESTIMATE), [(each.name, *_told(each.accuracy)) for each in classes]


def _confusion(confusion: Confusion, _: dict[str, str]) -> Read:
    rows: list[Sequence[Number]] = [
        (name, *counts) for name, counts in zip(confusion.classes, confusion.counts, strict=True)
    ]
    return ("class \N{RIGHTWARDS ARROW} taken for", *confusion.classes), rows


def _calibration(calibration: Calibration, _: dict[str, str]) -> Read:
    rows = [(each.confidence, each.accuracy, each.count) for each in calibration.bins if each.count]
    return ("confidence", "accuracy", "images"), rows


def _mistakes(mistakes: Mistakes, _: dict[str, str]) -> Read:
    rows = [(each.index, each.label, each.predicted, each.confidence) for each in mistakes.mistakes]
    return ("test image", "class", "taken for", "confidence"), rows


def _cost(points: Sequence[CostPoint], _: dict[str, str]) -> Read:
    rows = [
        (each.label, each.dataset, each.cost.forward_flops, each.cost.parameters, *_told(each.accuracy))
        for each in points
    ]
    return ("architecture", "data set", "FLOPs forward", "parameters", *ESTIMATE), rows


def _told(estimate: Estimate | None) -> tuple[Number, ...]:
    if estimate is None:
        return (None,) * len(ESTIMATE)
    return estimate.value, estimate.low, estimate.high, estimate.method, estimate.n


_READ: dict[Kind, Callable[[Any, dict[str, str]], Read]] = {
    "overview": _overview,
    "curves": _curves,
    "ablation": _ablation,
    "classes": _classes,
    "confusion": _confusion,
    "calibration": _calibration,
    "mistakes": _mistakes,
    "cost": _cost,
}
