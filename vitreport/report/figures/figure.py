"""A figure of a report as plain data, before it is drawn."""

from dataclasses import dataclass
from typing import Literal

from vitreport.analysis.group_details import Calibration, ClassAccuracy, Confusion, Curve, Mistakes
from vitreport.analysis.groups import Cost
from vitreport.analysis.summary import Ablation, Pair
from vitreport.formatting import Estimate

Kind = Literal["overview", "cost", "curves", "classes", "confusion", "calibration", "mistakes", "ablation"]
Value = str | float | int | None


@dataclass(frozen=True)
class CostPoint:
    """One point of accuracy against cost; `label` is the title of the architecture."""

    label: str
    dataset: str
    accuracy: Estimate
    cost: Cost


FigureData = (
    tuple[Pair, ...]  # accuracies of architectures on data sets
    | tuple[Curve, ...]  # curves by split, of one metric
    | tuple[ClassAccuracy, ...]
    | tuple[CostPoint, ...]
    | Ablation
    | Confusion
    | Calibration
    | Mistakes
)


@dataclass(frozen=True)
class FigureTable:
    """The numbers of a figure as they were measured: accuracies are fractions, losses in nats; None: no number."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A figure with everything that a report says of it.

    Attributes:
        name: Name of its file without extension, unique in a report.
        kind: What `data` is and how it is drawn.
        title: The subject.
        alt: What one sees, with numbers, for readers who do not see the figure.
        caption: What is shown, with the method of its intervals and the number of seeds.
        data: What is drawn.
        table: Every number that the figure shows.
        architecture: Where it belongs; empty for a figure that compares architectures.
        dataset: The same for the data set.
    """

    name: str
    kind: Kind
    title: str
    alt: str
    caption: str
    data: FigureData
    table: FigureTable
    architecture: str = ""
    dataset: str = ""


ESTIMATE_COLUMNS = ("accuracy", "low", "high", "method", "n")


def estimate_cells(estimate: Estimate | None) -> tuple[Value, ...]:
    """Return the cells of `ESTIMATE_COLUMNS`."""
    if estimate is None:
        return (None,) * len(ESTIMATE_COLUMNS)
    return estimate.value, estimate.low, estimate.high, estimate.method, estimate.n
