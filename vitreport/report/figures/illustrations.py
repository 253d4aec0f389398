"""Which figures a report has, and what is said of each; drawing them is another's work."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from vitreport.analysis.details import SPLITS, Calibration, ClassAccuracy, Confusion, Curve, Mistakes, measured, moments
from vitreport.analysis.summary import Ablation, Architecture, Cost, Group, Pair, Summary
from vitreport.analysis.titles import subject_of, titles, varies_architecture, where_of
from vitreport.formatting import METHODS, Estimate, compact, joined, methods, percent
from vitreport.report.tables import STATES

MOST_LEVELS = 50
MOST_CLASSES = 50  # in a figure of classes; more can be read neither as bars nor as a matrix
Kind = Literal["overview", "curves", "ablation", "classes", "confusion", "calibration", "mistakes", "cost"]


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
class Figure:
    """A figure to be drawn: `name` is that of its file, unique in a report and safe as one.

    `kind` says what `data` is and how to draw it; `title` names its subject, `alt` says what one sees, with numbers,
    `caption` what it is, with the method of its intervals and n. `architecture` and `dataset` say where it stands;
    those of the first screen have neither.
    """

    name: str
    kind: Kind
    title: str
    alt: str
    caption: str
    data: FigureData
    architecture: str = ""
    dataset: str = ""


def figures_of(summary: Summary) -> tuple[Figure, ...]:
    """Those of the first screen, then those of each architecture, in the order of the report."""
    names = titles(summary)
    found = [*_overview(summary, names), *_cost(summary, names)]
    for architecture in summary.architectures:
        found += _of_architecture(architecture, names)
    return tuple(_uniquely_named(found))


def _of_architecture(architecture: Architecture, names: dict[str, str]) -> Iterator[Figure]:
    for cell in architecture.pairs:
        if cell.group:
            for figure in _of_group(cell.group, where_of(cell, names)):
                yield replace(figure, architecture=cell.architecture, dataset=cell.dataset)
    for ablation in architecture.ablations:
        for figure in _ablation(ablation, subject_of(ablation, names)):
            yield replace(figure, architecture=ablation.architecture, dataset=ablation.dataset)


def _of_group(group: Group, where: str) -> Iterator[Figure]:
    details = group.details
    if details is None:
        return
    for metric in ("accuracy", "loss"):
        if curves := tuple(curve for curve in details.curves if curve.metric == metric):
            yield _curves(group, curves, where)
    if 0 < len(details.classes) <= MOST_CLASSES:
        yield _classes(group, details.classes, where)
    if details.confusion and 1 < len(details.confusion.classes) <= MOST_CLASSES:
        yield _confusion(group, details.confusion, where)
    if details.calibration and any(each.count for each in details.calibration.bins):
        yield _calibration(group, details.calibration, where)
    if details.mistakes:
        yield _mistakes(group, details.mistakes, where)


def _overview(summary: Summary, names: dict[str, str]) -> Iterator[Figure]:
    """The rows of the first table in its order, of each data set that was run on."""
    tested = [cell.group.test for cell in summary.pairs if cell.group and cell.group.test]
    if not tested:
        return
    datasets = {cell.dataset for cell in summary.pairs if cell.group}
    shown = [cell for cell in summary.pairs if cell.dataset in datasets]
    told = [f"{where_of(cell, names)} {_outcome(cell.group)}" for cell in shown if cell.group]
    cells = tuple(
        replace(cell, architecture=names[cell.architecture], dataset=names.get(cell.dataset, cell.dataset))
        for cell in shown
    )
    caption = f"Test accuracy of each architecture on each data set. {methods(tested)}"
    yield Figure("overview", "overview", "Test accuracy", f"Test accuracy: {joined(told)}.", caption, cells)


def _outcome(group: Group) -> str:
    return group.test.in_percent() if group.test else STATES.get(group.state, group.state)


def _cost(summary: Summary, names: dict[str, str]) -> Iterator[Figure]:
    points = tuple(
        CostPoint(names[cell.architecture], names.get(cell.dataset, cell.dataset), cell.group.test, cell.group.cost)
        for cell in summary.pairs
        if cell.group and cell.group.test and cell.group.cost and cell.group.cost.forward_flops
    )
    if len(points) < 2:
        return
    told = [
        f"{each.label} on {each.dataset} {each.accuracy.in_percent()} at {compact(each.cost.forward_flops)} FLOPs"
        for each in points
    ]
    caption = (
        "Test accuracy against the FLOPs of one image forward (a multiply-add counts as two). "
        f"{methods(each.accuracy for each in points)}"
    )
    yield Figure("cost", "cost", "Accuracy against cost", f"{joined(told)}.", caption, points)


def _curves(group: Group, curves: tuple[Curve, ...], where: str) -> Figure:
    metric, epoch, count = curves[0].metric, curves[0].epochs[-1], curves[0].n
    ends = [f"{SPLITS[each.split]} {measured(metric, each.mean[-1])}" for each in curves]
    band = f"Bands: 95%, {METHODS['t']}, n = {count}" if count > 1 else "A single run, no bands"
    kept = f" One epoch in {curves[0].stride} is drawn." if curves[0].stride > 1 else ""
    return Figure(
        name=f"{group.id}-{metric}",
        kind="curves",
        title=f"{metric.capitalize()} of {where}",
        alt=f"{metric.capitalize()} of {where} at epoch {epoch}: {joined(ends)}.",
        caption=f"{metric.capitalize()} by epoch ({moments([each.split for each in curves])}). {band}.{kept}",
        data=curves,
    )


def _classes(group: Group, classes: tuple[ClassAccuracy, ...], where: str) -> Figure:
    ranked = sorted(classes, key=lambda each: each.accuracy.value)
    worst, top = ranked[0], ranked[-1]
    alt = f"Test accuracy of {where} by class: highest {top.name} {top.accuracy.in_percent()}, "
    alt += f"lowest {worst.name} {worst.accuracy.in_percent()}."
    caption = f"Test accuracy by class. {methods(each.accuracy for each in classes)}"
    return Figure(f"{group.id}-classes", "classes", f"Classes of {where}", alt, caption, classes)


def _confusion(group: Group, confusion: Confusion, where: str) -> Figure:
    pairs = [
        (count / max(1, sum(row)), confusion.classes[i], confusion.classes[j])
        for i, row in enumerate(confusion.counts)
        for j, count in enumerate(row)
        if i != j
    ]
    share, true, taken = max(pairs)
    alt = f"Confusion matrix of {where}: most often {true} is taken for {taken}, {percent(share, 1)} of its images."
    seeds = f"summed over {confusion.n} seeds" if confusion.n > 1 else "of a single run"
    caption = f"True class (rows) against predicted class (columns), {seeds}; shares of the row, no intervals."
    return Figure(f"{group.id}-confusion", "confusion", f"Confusion of {where}", alt, caption, confusion)


def _calibration(group: Group, calibration: Calibration, where: str) -> Figure:
    error = calibration.error.in_percent()
    alt = f"Calibration of {where}: expected calibration error {error}."
    caption = (
        "Accuracy against confidence of the test images; on the diagonal a network is calibrated. "
        f"Expected calibration error {error}. {methods([calibration.error])}"
    )
    return Figure(f"{group.id}-calibration", "calibration", f"Calibration of {where}", alt, caption, calibration)


def _mistakes(group: Group, mistakes: Mistakes, where: str) -> Figure:
    shown, first, last = len(mistakes.mistakes), mistakes.mistakes[0], mistakes.mistakes[-1]
    alt = f"Test images of {where} that were taken for another class: {shown}, from {first.label} taken for "
    alt += f"{first.predicted} at {percent(first.confidence, 1)} confidence to {last.label} taken for {last.predicted} "
    alt += f"at {percent(last.confidence, 1)}."
    some = f"The {shown} most confident of {mistakes.wrong:,}" if shown < mistakes.wrong else f"All {shown}"
    told = "The only mistake" if mistakes.wrong == 1 else f"{some} mistakes"
    caption = (
        f"{told} on {mistakes.count:,} test images, row by row, of the run with seed {mistakes.seed}; other "
        "seeds make others."
    )
    return Figure(f"{group.id}-mistakes", "mistakes", f"Confident mistakes of {where}", alt, caption, mistakes)


def _ablation(ablation: Ablation, subject: str) -> Iterator[Figure]:
    drawn = _thinned(ablation)
    measured = [(level, level.accuracy) for level in drawn.levels if level.accuracy]
    if len(measured) < 2:
        return
    told = [f"{level.shown} {found.in_percent()}" for level, found in measured]
    of, held = "of", "all else being equal"
    if varies_architecture(ablation):
        of, held = "on", "each with its preset or its defaults"
    caption = f"Test accuracy {of} {subject}, {held}. {methods(found for _, found in measured)}"
    if drawn is not ablation:
        caption += f" {len(drawn.levels)} of {len(ablation.levels):,} values are drawn."
    name = "-".join([ablation.architecture, ablation.dataset, *ablation.axes, ablation.apart])
    alt = f"Test accuracy {of} {subject}: {joined(told)}."
    yield Figure(name, "ablation", subject, alt, caption, drawn)


def _thinned(ablation: Ablation) -> Ablation:
    """Of very many values some all along the range, with both ends and the baseline."""
    count = len(ablation.levels)
    if count <= MOST_LEVELS:
        return ablation
    kept = {*range(0, count, -(-count // MOST_LEVELS)), count - 1}
    kept |= set() if ablation.baseline is None else {ablation.baseline}
    chosen = sorted(kept)
    baseline = None if ablation.baseline is None else chosen.index(ablation.baseline)
    return replace(ablation, levels=tuple(ablation.levels[index] for index in chosen), baseline=baseline)


def _uniquely_named(figures: Iterable[Figure]) -> Iterator[Figure]:
    taken: set[str] = set()
    for figure in figures:
        name = base = re.sub(r"[^a-z0-9.]+", "-", figure.name.lower()).strip("-.")[:100]
        number = 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        yield replace(figure, name=name)
