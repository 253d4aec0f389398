"""The tables of a grid of two varied fields."""

from collections.abc import Sequence

from vitreport.analysis import protocol
from vitreport.analysis.references import subject_of
from vitreport.analysis.summary import Ablation, Effect, Interaction
from vitreport.formatting import Estimate, describe_intervals, percent
from vitreport.report.blocks import Table, table
from vitreport.report.tables import estimate_cell, number, outcome, vary_in_seeds
from vitreport.spec.sweep import describe_level, format_level


def grid(content: Ablation) -> Table:
    """Show the accuracies of a grid: values of the first field in rows, of the second in columns."""
    seeds = vary_in_seeds(level.accuracy for level in content.levels)
    cells = {level.labels: outcome(level.group, level.missing, seeds=seeds) for level in content.levels}
    rows, columns = content.labels
    baseline = "" if content.baseline is None else f" Baseline: {describe_level(content.axes, content.reference)}."
    note = (
        describe_intervals(level.accuracy for level in content.levels)
        + baseline
        + protocol.without_answers(content.groups)
    )
    return table(
        f"Test accuracy of {subject_of(content)}",
        (content.axes[0], *(describe_level(content.axes[1:], [column]) for column in columns)),
        [(format_level([row]), *(cells[row, column] for column in columns)) for row in rows],
        note=note,
    )


def effects(content: Ablation) -> Table:
    """Show the main effects of a grid, if it has any."""
    word = "reference" if content.baseline is None else "baseline"
    references = dict(zip(content.axes, content.reference, strict=True))
    rows = [
        (
            describe_level([each.axis], [each.level]),
            number(each.accuracy, lambda value: percent(value, 1)),
            word if references[each.axis] == each.level else estimate_cell(each.difference, Estimate.in_signed_pp),
        )
        for each in content.effects
    ]
    note = _methods(content, content.effects) + " Each average is over all values of the other field."
    if content.baseline is None:
        note += " There is no baseline: the first value of each field is the reference."
    columns = ("main effect", "average accuracy", f"difference from {word} (pp)")
    return table(f"Main effects: {subject_of(content)}", columns, rows, note=note)


def interactions(content: Ablation) -> Table:
    """Show the interaction of each combination of a grid, if it has any."""
    rows = [
        (*(format_level([label]) for label in each.levels), estimate_cell(each.difference, Estimate.in_signed_pp))
        for each in content.interactions
    ]
    first, second = (
        describe_level([axis], [label]) for axis, label in zip(content.axes, content.reference, strict=True)
    )
    axis = content.axes[0]
    meaning = (
        f"An interaction is how much a combination differs from {second} with the same {axis}, minus that at {first}."
    )
    note = f"{_methods(content, content.interactions)} {meaning}"
    return table(f"Interactions: {subject_of(content)}", (*content.axes, "interaction (pp)"), rows, 2, note)


def _methods(content: Ablation, contrasts: Sequence[Effect | Interaction]) -> str:
    said = describe_intervals((each.difference for each in contrasts), (level.accuracy for level in content.levels))
    return said + protocol.without_answers(content.groups)
