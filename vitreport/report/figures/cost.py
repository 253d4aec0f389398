"""Test accuracy against what it costs."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from vitreport.analysis.references import architecture_title
from vitreport.analysis.summary import Summary
from vitreport.data.registry import dataset_title
from vitreport.formatting import compact, joined, methods
from vitreport.report.figures.canvas import HEIGHT, LOOKS, SMALL, WIDTH, Canvas, Look, bounds, ends, key_of, short
from vitreport.report.figures.figure import ESTIMATE_COLUMNS, CostPoint, Figure, FigureTable, estimate_cells

COLUMNS, LINE, REACH = 2, 17, 7


def cost_figure(summary: Summary) -> Iterator[Figure]:
    """Make the figure of accuracy against cost, if at least two architectures can be compared."""
    points = tuple(
        CostPoint(architecture_title(cell.architecture), dataset_title(cell.dataset), cell.group.test, cell.group.cost)
        for cell in summary.pairs
        if cell.group and cell.group.test and cell.group.cost and cell.group.cost.forward_flops
    )
    if len(points) < 2:
        return
    outcomes = [
        f"{each.label} on {each.dataset} {each.accuracy.in_percent()} at {compact(each.cost.forward_flops)} FLOPs"
        for each in points
    ]
    rows = tuple(
        (each.label, each.dataset, each.cost.forward_flops, each.cost.parameters, *estimate_cells(each.accuracy))
        for each in points
    )
    yield Figure(
        name="cost",
        kind="cost",
        title="Accuracy against cost",
        alt=f"{joined(outcomes)}.",
        caption="Test accuracy against the FLOPs of one image forward (a multiply-add counts as two). "
        f"{methods(each.accuracy for each in points)}",
        data=points,
        table=FigureTable(("architecture", "data set", "FLOPs forward", "parameters", *ESTIMATE_COLUMNS), rows),
    )


def draw_cost(points: Sequence[CostPoint]) -> list[Canvas]:
    """Draw one panel for each data set, with a legend; an architecture looks the same in all of them."""
    looks = {}
    for index, label in enumerate(dict.fromkeys(point.label for point in points)):
        color, marker = LOOKS[index % len(LOOKS)], LOOKS[(index + index // len(LOOKS)) % len(LOOKS)].marker
        looks[label] = color._replace(marker=marker)
    datasets = dict.fromkeys(point.dataset for point in points)
    return [
        _draw_panel(dataset, [point for point in points if point.dataset == dataset], looks) for dataset in datasets
    ]


def _draw_panel(dataset: str, points: Sequence[CostPoint], looks: Mapping[str, Look]) -> Canvas:
    lines = ceil(len(points) / COLUMNS)
    panel = Canvas(
        "FLOPs of a forward pass, an image (logarithmic)",
        title=f"Test accuracy on {short(dataset)}",
        key=key_of(point.accuracy for point in points),
        height=HEIGHT + lines * LINE,
        bottom=50 + lines * LINE,
    )
    costs = [point.cost.forward_flops for point in points]
    panel.value_axis({cost: compact(cost) for cost in costs}, [min(costs), max(costs)], logarithmic=True)
    panel.share_axis("y", ends(point.accuracy for point in points), 5)
    legend = panel.drawing.add_axes((0, 0, 1, (lines * LINE + 4) / panel.height), xlim=(0, WIDTH), ylim=(lines, 0))
    legend.axis("off")
    for index, point in enumerate(points):
        cost, look = point.cost.forward_flops, looks[point.label]
        panel.dot(cost, point.accuracy, look, series=point.label)
        size = f"{compact(cost)} FLOPs, {compact(point.cost.parameters)} parameters"
        low, high = bounds(point.accuracy)
        panel.tip(cost, low, cost, high, f"{point.label}: {point.accuracy.in_percent()}, {size}", pad=REACH)
        column, line = divmod(index, lines)
        x, gid = column * WIDTH / COLUMNS, panel.id_of(point.label)
        legend.plot(x + 14, line + 0.5, color=look.color, marker=look.marker, gid=gid)
        legend.text(x + 26, line + 0.5, short(point.label), va="center", fontsize=SMALL, gid=panel.id_of(point.label))
    return panel
