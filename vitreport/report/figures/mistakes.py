"""The gallery of confident mistakes: a recorded picture, which is not drawn."""

from collections.abc import Iterator

from vitreport.analysis.details import Mistakes
from vitreport.analysis.summary import Group
from vitreport.formatting import percent
from vitreport.report.figures.figure import Figure, FigureTable


def mistakes_figure(group: Group, mistakes: Mistakes | None, where: str) -> Iterator[Figure]:
    """Make the figure of a group's mistakes, if they were recorded."""
    if not mistakes:
        return
    count, first, last = len(mistakes.mistakes), mistakes.mistakes[0], mistakes.mistakes[-1]
    some = f"The {count} most confident of {mistakes.wrong:,}" if count < mistakes.wrong else f"All {count}"
    which = "The only mistake" if mistakes.wrong == 1 else f"{some} mistakes"
    yield Figure(
        name=f"{group.id}-mistakes",
        kind="mistakes",
        title=f"Confident mistakes of {where}",
        alt=f"Test images of {where} that were taken for another class: {count}, from {first.label} taken for "
        f"{first.predicted} at {percent(first.confidence, 1)} confidence to {last.label} taken for {last.predicted} "
        f"at {percent(last.confidence, 1)}.",
        caption=f"{which} on {mistakes.count:,} test images, row by row, of the run with seed {mistakes.seed}; other "
        "seeds make others.",
        data=mistakes,
        table=FigureTable(
            ("test image", "class", "taken for", "confidence"),
            tuple((each.index, each.label, each.predicted, each.confidence) for each in mistakes.mistakes),
        ),
    )
