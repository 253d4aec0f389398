"""One figure of each kind, by hand, and what is hard to draw."""

from collections.abc import Sequence
from math import exp

from vitreport.analysis.curves import Curve, Metric
from vitreport.analysis.group_details import Confusion
from vitreport.analysis.groups import Group
from vitreport.analysis.runs import State
from vitreport.analysis.summary import Ablation, Level
from vitreport.formatting import Estimate, Method
from vitreport.records.measurement import SPLITS
from vitreport.report.blocks import NOTHING, Figure, Kind
from vitreport.report.figures.accuracy import Grid, Row, rows_of
from vitreport.report.figures.colors import LOOKS
from vitreport.report.figures.curves import Line, Panel
from vitreport.spec.load import parse_value
from vitreport.spec.sweep import ValueSpec

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHITECTURES = ("perceiver-io", "perceiver", "mlp-mixer", "swin", "tnt")
HOSTILE = "<script>alert(1)</script> $x^2$ | [a](javascript:b)\n\x1b[31m\u202e你"


def estimate(value: float, half_width: float = 0.012, n: int = 3) -> Estimate:
    method: Method = "t" if n > 1 else "wilson"
    return Estimate(value, value - half_width, value + half_width, method, n, images=10_000)


def cells() -> list[tuple[str, list[Row]]]:
    values = {"cifar10": (0.62, 0.71, 0.83, 0.884, 0.861), "stl10": (0.41, 0.52, 0.553, 0.664, 0.609)}
    found = [
        (
            dataset,
            [
                Row(architecture, estimate(value, n=1 if architecture == "tnt" else 3), "done")
                for architecture, value in zip(ARCHITECTURES, row, strict=True)
            ],
        )
        for dataset, row in values.items()
    ]
    gaps = [Row("swin", None, "diverged"), Row("tnt", None, "not run")]
    some = [Row("perceiver-io", estimate(0.137)), Row("perceiver", None, NOTHING), Row("mlp-mixer", estimate(0.3))]
    return [*found, ("tinyimagenet", [*some, *gaps])]


def curve(split: str, metric: Metric, end: float, epochs: int = 30, n: int = 3) -> Curve:
    rise = [1 - exp(-4 * epoch / epochs) for epoch in range(1, epochs + 1)]
    mean = tuple(end * each if metric == "accuracy" else 2.3 - (2.3 - end) * each for each in rise)
    low, high = (tuple(value + sign * 0.015 for value in mean) if n > 1 else None for sign in (-1, 1))
    return Curve(split, metric, tuple(range(1, epochs + 1)), mean, low, high, n)


def curves(metric: Metric = "accuracy", n: int = 3) -> Panel:
    ends = (0.95, 0.85, 0.842) if metric == "accuracy" else (0.2, 0.55, 0.57)
    lines = [
        Line(SPLITS[split], LOOKS[index], curve(split, metric, end, n=n))
        for index, (split, end) in enumerate(zip(SPLITS, ends, strict=True))
    ]
    return Panel(metric.capitalize(), tuple(lines))


def compared(labels: Sequence[str], spread: float = 0.02, epochs: int = 30) -> Panel:
    lines = [
        Line(label, LOOKS[index], curve("val", "accuracy", 0.9 - spread * index, epochs - index))
        for index, label in enumerate(labels)
    ]
    return Panel("Validation accuracy", tuple(lines))


def level(value: str, accuracy: float | None, state: State = "done", n: int = 3) -> Level:
    measured = None if accuracy is None else estimate(accuracy, n=n)
    group = None if state == "not run" else Group(f"tnt-{value}", "tnt", "cifar10", "", state, {}, (), test=measured)
    number = parse_value(value)
    return Level((ValueSpec(label=value, value=number, fields={"x": number}),), group)


def ablation(axis: str, levels: Sequence[Level], baseline: int | None) -> Ablation:
    return Ablation(axis, "tnt", "cifar10", (axis,), tuple(levels), baseline, "sweep")


def learning_rates() -> Ablation:
    values = {"1e-05": 0.53, "0.0001": 0.79, "0.0003": 0.831, "0.001": 0.79, "0.01": 0.41}
    return ablation(
        "optimizer.learning_rate",
        [*(level(value, accuracy) for value, accuracy in values.items()), level("0.1", None, "diverged")],
        2,
    )


def augmentations() -> Ablation:
    named = [level('"none"', 0.76), level('"flip"', 0.79), level('"heavy"', 0.82, n=1), level('"mix"', None, "failed")]
    return ablation("data.augment", named, 1)


def grid(rows: int = 3, columns: int = 4, state: State = "diverged") -> Grid:
    """The last combination has no accuracy, the first is the baseline."""
    values = tuple(tuple(f"{10.0**-place:g}" for place in range(count)) for count in (rows, columns))
    accuracies = [[0.9 - 0.03 * i * j for j in range(columns)] for i in range(rows)]
    cells = [
        tuple(Row(f"lr {i}, wd {j}", estimate(each), is_baseline=i + j == 0) for j, each in enumerate(row))
        for i, row in enumerate(accuracies)
    ]
    cells[-1] = (*cells[-1][:-1], Row("last", None, state))
    return Grid(("learning_rate", "weight_decay"), values, tuple(cells))


def rows(count: int = 10) -> list[tuple[str, list[Row]]]:
    names = CLASSES if count == 10 else tuple(f"class {index}" for index in range(count))
    return [("", [Row(name, estimate(0.95 - 0.4 * (i * 7 % count) / count)) for i, name in enumerate(names)])]


def confusion(count: int = 10) -> Confusion:
    names = CLASSES if count == 10 else tuple(f"class {index}" for index in range(count))
    rare = 1 if count == 10 else 6
    rows = [[800 if i == j else (i * 31 + j * 17) % 60 // rare for j in range(count)] for i in range(count)]
    return Confusion(names, tuple(map(tuple, rows)), 3)


def figure(kind: Kind, data: object, name: str = "") -> Figure:
    if isinstance(data, Ablation):
        data = (" · ".join(data.axes), rows_of(data))
    return Figure(name or kind, kind, kind, f"A figure of {kind}.", "Mean over seeds.", data)


def figures() -> dict[str, Figure]:
    """By name."""
    drawn = (
        figure("rows", cells(), "overview"),
        figure("curves", (compared(ARCHITECTURES),), "comparison"),
        figure("curves", (curves(), curves("loss", n=1)), "splits"),
        figure("ablation", learning_rates(), "learning-rate"),
        figure("ablation", augmentations(), "augment"),
        figure("grid", grid()),
        figure("rows", rows()),
        figure("rows", rows(50), "many-rows"),
        figure("confusion", confusion()),
        figure("confusion", confusion(15), "many-confusions"),
    )
    return {each.name: each for each in drawn}
