"""The figures of test accuracies: by dataset, of compared groups, and by the levels of an ablation."""

from collections.abc import Iterator, Sequence
from math import ceil, isfinite
from typing import NamedTuple

from vitreport.analysis.references import architecture_title, subject_of
from vitreport.analysis.summary import Ablation, Comparison, Pair
from vitreport.data.registry import dataset_title
from vitreport.formatting import Estimate, joined, percent, short
from vitreport.report.blocks import NOTHING, Figure
from vitreport.report.figures.canvas import LETTER, NORMAL, SMALL, Canvas, ends, wrapped
from vitreport.report.figures.colors import LIGHT
from vitreport.spec.sweep import describe_level, format_level

MANY_ROWS, MAX_LEVELS = 24, 50
ROOM, HIGH, MAX_COLUMNS = 290, 34, 8  # of the cells of a heat map together, of one of them, and in a row
MIN_EXTENT = 0.02  # of the accuracies of a heat map: small differences have small differences of color
LOGARITHMIC_FROM = 8  # the ratio of the largest to the smallest value from which an axis is logarithmic


class Row(NamedTuple):
    """One row; `note` says why there is no accuracy."""

    label: str
    accuracy: Estimate | None
    note: str = ""
    is_baseline: bool = False
    number: float | None = None

    @property
    def outcome(self) -> str:
        """What is measured, in words."""
        return self.accuracy.in_percent() if self.accuracy else self.note


class Grid(NamedTuple):
    """Two fields with their values, and the rows of cells: one for each combination."""

    axes: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[Row, ...], ...]


def draw_rows(title: str, rows: Sequence[Row], shared: Sequence[Row]) -> Canvas:
    """Draw rows from the top, each with its number at the right, on an axis that fits the `shared` ones."""
    baseline = next((row.accuracy for row in rows if row.is_baseline), None)
    labels = [wrapped(row.label) for row in rows]
    lines = max(label.count("\n") for label in labels)
    height = (90 if title else 68) + ((26 if len(rows) <= MANY_ROWS else 18) + 12 * lines) * len(rows)
    panel = Canvas("test accuracy", title=title, grid="x", height=height)
    axes = panel.axes
    panel.share_axis("x", ends(row.accuracy for row in shared), 4)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), labels, color=LIGHT["ink"])
    if baseline:
        axes.axvline(baseline.value, color=LIGHT["muted"], linewidth=1, dashes=(3, 3), zorder=1)
    for place, row in enumerate(rows):
        if row.accuracy:
            panel.dot(place, row.accuracy, upright=False, ringed=row.is_baseline)
        note = percent(row.accuracy.value, 1) if row.accuracy else row.note
        color = LIGHT["ink" if row.accuracy else "muted"]
        axes.annotate(note, (1, place), (10, 0), axes.get_yaxis_transform(), "offset points", va="center", color=color)
        panel.tip(f"{row.label}: {row.outcome}", y=(place - 0.5, place + 0.5))
    return panel


def draw_panels(panels: Sequence[tuple[str, Sequence[Row]]]) -> list[Canvas]:
    """Draw a panel for each title and its rows, all on the same axis."""
    every = [row for _, rows in panels for row in rows]
    return [draw_rows(title, rows, every) for title, rows in panels]


def overview_figure(pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Make the figure of the first table: a panel for each dataset, with the same rows."""
    shown = {(pair.architecture, pair.dataset): pair for pair in pairs}
    architectures, datasets = (dict.fromkeys(pair[place] for pair in shown) for place in (0, 1))
    panels = [
        (dataset_title(name), [_row(each, shown.get((each, name))) for each in architectures]) for name in datasets
    ]
    every = [(f"{row.label} on {title}", row) for title, rows in panels for row in rows]
    outcomes = [f"{what} {row.outcome}" for what, row in every if row.note not in ("not run", NOTHING)]
    if any(row.accuracy for _, row in every):
        yield Figure("overview", "rows", "Test accuracy", f"Test accuracy: {joined(outcomes)}.", "", panels)


def _row(architecture: str, pair: Pair | None) -> Row:
    title, group = architecture_title(architecture), pair.group if pair else None
    return Row(title, group.test, group.state) if group else Row(title, None, "not run" if pair else NOTHING)


def comparison_figure(content: Comparison) -> Iterator[Figure]:
    """Make the figure of several groups, if one of them was measured."""
    rows = [Row(name, group.test, group.state) for name, group in content.groups]
    if len(rows) > 1 and any(row.accuracy for row in rows):
        alt = f"{content.heading}: {joined(f'{row.label} {row.outcome}' for row in rows)}."
        yield Figure(content.name, "rows", content.heading, alt, "", [("", rows)])


def ablation_figure(ablation: Ablation) -> Iterator[Figure]:
    """Make the figure of an ablation, if at least two levels were measured."""
    subject, rows = subject_of(ablation), rows_of(ablation)
    measured = [row for row in rows if row.accuracy]
    if len(measured) < 2:
        return
    some = f"{len(rows)} of {len(ablation.levels):,} values are drawn." if len(rows) < len(ablation.levels) else ""
    name = "-".join([ablation.architecture, ablation.dataset, *ablation.axes, ablation.qualifier])
    alt = f"Test accuracy of {subject}: {joined(f'{row.label} {row.outcome}' for row in measured)}."
    grid = _grid(ablation) if ablation.is_grid else None
    if grid and len(grid.values[0]) <= MANY_ROWS and len(grid.values[1]) <= MAX_COLUMNS:
        caption = "The stronger the color, the higher the accuracy; the table has the intervals."
        if len(measured) < len(ablation.levels):
            caption += " Cells without color have no result; the table says why."
        yield Figure(name, "grid", subject, alt, caption, grid)
    else:
        yield Figure(name, "ablation", subject, alt, some, (" · ".join(ablation.axes), rows))


def _grid(ablation: Ablation) -> Grid:
    found = {}
    for index, level in enumerate(ablation.levels):
        label = describe_level(ablation.axes, level.labels)
        found[level.labels] = Row(label, level.accuracy, level.state, index == ablation.baseline)
    rows, columns = ablation.labels
    cells = tuple(tuple(found[row, column] for column in columns) for row in rows)
    values = tuple(tuple(format_level([each]) for each in labels) for labels in (rows, columns))
    return Grid(ablation.axes, values, cells)


def rows_of(ablation: Ablation) -> list[Row]:
    """Return a row for each level; for very many, about `MAX_LEVELS` with both ends and the baseline."""
    rows = [
        Row(
            ablation.texts(level)[0] if len(ablation.axes) == 1 else level.shown,
            level.accuracy,
            level.state,
            index == ablation.baseline,
            level.number,
        )
        for index, level in enumerate(ablation.levels)
    ]
    step = ceil(len(rows) / MAX_LEVELS)
    return [row for index, row in enumerate(rows) if index % step == 0 or row.is_baseline or index == len(rows) - 1]


def draw_grid(grid: Grid) -> Canvas:
    """Draw a heat map with the accuracy in each cell; that of the baseline has a frame."""
    from matplotlib.patches import Rectangle

    rows, columns = grid.values
    letters = int(ROOM / len(columns) / (LETTER * SMALL))
    is_wide = max(map(len, columns)) > letters
    height = (150 if is_wide else 90) + HIGH * len(rows)
    panel = Canvas(short(grid.axes[1], 40), title="Test accuracy (%)", grid=None, height=height)
    axes = panel.axes
    axes.set_xticks(
        range(len(columns)), [short(each, 14) for each in columns], rotation=90 if is_wide else 0, fontsize=SMALL
    )
    axes.set_yticks(range(len(rows)), [short(each, 14) for each in rows], fontsize=SMALL)
    axes.set_ylabel(short(grid.axes[0], int((HIGH * len(rows) + 50) / (LETTER * NORMAL))))
    axes.spines["bottom"].set_visible(False)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    known = [cell.accuracy.value for cells in grid.cells for cell in cells if cell.accuracy]
    lowest, extent = min(known), max(max(known) - min(known), MIN_EXTENT)
    for i, cells in enumerate(grid.cells):
        for j, cell in enumerate(cells):
            strength = (cell.accuracy.value - lowest) / extent if cell.accuracy else None
            state = cell.note if len(cell.note) <= letters else NOTHING
            text = f"{100 * cell.accuracy.value:.1f}" if cell.accuracy else state
            panel.cell(i, j, strength, text, f"{cell.label}: {cell.outcome}")
            if cell.is_baseline:
                panel.key["frame: baseline"] = None
                axes.add_patch(
                    Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, fill=False, edgecolor=LIGHT["ink"], linewidth=1.5)
                )
    return panel


def draw_ablation(name: str, rows: Sequence[Row]) -> Canvas:
    """Draw accuracy by value if the levels are numbers of one field, else in rows."""
    numbers = {row.number: row for row in rows if row.number is not None and isfinite(row.number)}
    if len(numbers) < len(rows) or len(rows) < 2:
        return draw_rows(name, rows, rows)
    low, high = min(numbers), max(numbers)
    is_logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
    found = {number: row.accuracy for number, row in sorted(numbers.items()) if row.accuracy}
    missing = {number: row.note for number, row in numbers.items() if not row.accuracy}
    baseline = [number for number, row in numbers.items() if row.is_baseline]
    panel = Canvas(f"{short(name, 32)}{' (logarithmic)' if is_logarithmic else ''}", title="Test accuracy")
    axes = panel.axes
    panel.value_axis({number: f"{number:g}" for number in numbers}, [low, high, *baseline], logarithmic=is_logarithmic)
    panel.share_axis("y", ends(found.values()))
    if missing:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - 0.1 * (top - bottom), top)
        place = axes.get_xaxis_transform()
        panel.key[f"cross: {', '.join(dict.fromkeys(missing.values()))}"] = None
        axes.plot(list(missing), [0.05] * len(missing), "x", color=LIGHT["vermillion"], mew=2, transform=place)
    axes.plot(list(found), [accuracy.value for accuracy in found.values()], color=LIGHT["rule"], linewidth=1.5)
    for number, row in numbers.items():
        if row.accuracy:
            panel.dot(number, row.accuracy, ringed=row.is_baseline)
        panel.tip(f"{name} = {row.label}: {row.outcome}", (number, number))
    return panel
