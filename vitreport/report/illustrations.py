"""Which figures a report has, and what is said of each; drawing them is another's work."""

from dataclasses import dataclass
from typing import Literal

from vitreport.report.summary import Ablation, Calibration, Cell, ClassAccuracy, Confusion, Cost, Curve, Estimate


@dataclass(frozen=True)
class CostPoint:
    """One point of accuracy against cost; `label` names the architecture."""

    label: str
    dataset: str
    accuracy: Estimate
    cost: Cost


FigureData = (
    tuple[Cell, ...]  # accuracies of architectures on data sets
    | tuple[Curve, ...]  # curves by split, of one metric
    | tuple[ClassAccuracy, ...]
    | tuple[CostPoint, ...]
    | Ablation
    | Confusion
    | Calibration
)


@dataclass(frozen=True)
class Figure:
    """A figure to be drawn: `name` is that of its file, unique in a report and safe as one.

    `kind` says what `data` is and how to draw it; `alt` says what one sees, with numbers; `caption` says what it
    is, with the method of its intervals and n.
    """

    name: str
    kind: Literal["overview", "curves", "ablation", "classes", "confusion", "calibration", "cost"]
    alt: str
    caption: str
    data: FigureData
