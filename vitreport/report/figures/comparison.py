"""The figures that compare architectures: test accuracy by dataset, and against what it costs."""

from collections.abc import Iterator, Mapping, Sequence

from vitreport.analysis.groups import Cost
from vitreport.analysis.references import architecture_title
from vitreport.analysis.summary import Pair
from vitreport.data.registry import dataset_title
from vitreport.formatting import Estimate, compact, joined, methods
from vitreport.report.blocks import NOTHING, Figure
from vitreport.report.figures.canvas import LOOKS, Canvas, Look, bounds, ends, key_of, short
from vitreport.report.figures.rows import Row, draw_rows
from vitreport.report.tables import in_words

Point = tuple[str, str, Estimate, Cost]
"""The titles of an architecture and of a dataset, with the test accuracy and what it costs."""


def overview_figure(pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Make the figure of the first table, for each dataset that was run on."""
    datasets = {pair.dataset: dataset_title(pair.dataset) for pair in pairs if pair.group}
    shown = []
    for pair in (pair for pair in pairs if pair.dataset in datasets):
        test, state = (pair.group.test, in_words(pair.group.state)) if pair.group else (None, "not run")
        shown.append((datasets[pair.dataset], Row(architecture_title(pair.architecture), test, state)))
    outcomes = [
        f"{row.label} on {dataset} {row.accuracy.in_percent() if row.accuracy else row.note}"
        for dataset, row in shown
        if row.note != "not run"
    ]
    if any(row.accuracy for _, row in shown):
        yield Figure(
            name="overview",
            kind="overview",
            title="Test accuracy",
            alt=f"Test accuracy: {joined(outcomes)}.",
            caption=f"Test accuracy of each architecture on each data set. {methods(row.accuracy for _, row in shown)}",
            data=tuple(shown),
        )


def draw_overview(shown: Sequence[tuple[str, Row]]) -> list[Canvas]:
    """Draw one panel for each dataset with the same axis and the same rows."""
    labels, panels = dict.fromkeys(row.label for _, row in shown), []
    for dataset in dict.fromkeys(dataset for dataset, _ in shown):
        found = {row.label: row for place, row in shown if place == dataset}
        rows = [found.get(label, Row(label, None, NOTHING)) for label in labels]
        panels.append(draw_rows(dataset, "test accuracy", rows, [row for _, row in shown]))
    return panels


def cost_figure(pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Make the figure of accuracy against cost, if at least two architectures can be compared."""
    points: list[Point] = [
        (architecture_title(group.architecture), dataset_title(group.dataset), group.test, group.cost)
        for group in (pair.group for pair in pairs)
        if group and group.test and group.cost and group.cost.forward_flops
    ]
    outcomes = [
        f"{label} on {dataset} {accuracy.in_percent()} at {compact(cost.forward_flops)} FLOPs"
        for label, dataset, accuracy, cost in points
    ]
    if len(points) > 1:
        yield Figure(
            name="cost",
            kind="cost",
            title="Accuracy against cost",
            alt=f"{joined(outcomes)}.",
            caption="Test accuracy against the FLOPs of one image forward (a multiply-add counts as two). "
            f"{methods(accuracy for _, _, accuracy, _ in points)}",
            data=tuple(points),
        )


def draw_cost(points: Sequence[Point]) -> list[Canvas]:
    """Draw one panel for each dataset, with a legend; an architecture looks the same in all of them."""
    looks = {}
    for index, label in enumerate(dict.fromkeys(label for label, *_ in points)):
        marker = LOOKS[(index + index // len(LOOKS)) % len(LOOKS)].marker
        looks[label] = Look(LOOKS[index % len(LOOKS)].color, "none", marker)
    return [
        _draw_costs(dataset, [point for point in points if point[1] == dataset], looks)
        for dataset in dict.fromkeys(dataset for _, dataset, *_ in points)
    ]


def _draw_costs(dataset: str, points: Sequence[Point], looks: Mapping[str, Look]) -> Canvas:
    accuracies = [accuracy for _, _, accuracy, _ in points]
    labels = {float(cost.forward_flops): compact(cost.forward_flops) for *_, cost in points}
    panel = Canvas(
        "FLOPs of a forward pass, an image (logarithmic)",
        title=f"Test accuracy on {short(dataset)}",
        key=key_of(accuracies),
        legend={label: looks[label] for label, *_ in points},
    )
    panel.value_axis(labels, [min(labels), max(labels)], logarithmic=True)
    panel.share_axis("y", ends(accuracies), 5)
    for label, _, accuracy, cost in points:
        flops, (low, high) = cost.forward_flops, bounds(accuracy)
        panel.dot(flops, accuracy, looks[label])
        size = f"{compact(flops)} FLOPs, {compact(cost.parameters)} parameters"
        panel.tip(flops, low, flops, high, f"{label}: {accuracy.in_percent()}, {size}", pad=7)
    return panel
