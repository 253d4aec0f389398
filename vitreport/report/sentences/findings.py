"""What follows from a summary, in sentences; each rule is a function, and none speaks without its uncertainty."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vitreport.report.facts.estimates import accuracies, differences, is_shown, turned, why_no_difference
from vitreport.report.facts.measured import Estimate, Paired
from vitreport.report.facts.summary import Ablation, Cell, Dataset, Group, Level, Summary
from vitreport.report.sentences.claims import Verdict
from vitreport.report.sentences.phrases import (
    accuracy,
    each_with_evidence,
    each_with_paired_evidence,
    evidence,
    number,
    paired_evidence,
    points,
)
from vitreport.report.sentences.subjects import subject_of, titles, where_of
from vitreport.statistics import SIGNIFICANCE
from vitreport.text import counted

Rule = Literal[
    "best",
    "tie",
    "no winner",
    "alone",
    "difference",
    "no difference",
    "no comparison",
    "paired difference",
    "no paired difference",
    "trend",
    "over-fitting",
    "convergence",
    "no result",
    "contradiction",
    "data",
]
OVERFITTING = 0.05
STILL_FALLING = 0.9
ONE_SEED = "the spread between seeds is not known"
NO_RESULT = "without a result"
FEWEST_FOR_A_TREND = 3


@dataclass(frozen=True)
class Finding:
    """A sentence, and what it rests on: the ids of groups, and the estimate where it speaks of one.

    `architecture` says whose section it belongs to; one across architectures has none. `ablation` is the name of the
    one that it is about.
    """

    rule: Rule
    sentence: str
    groups: tuple[str, ...] = ()
    estimate: Estimate | None = None
    architecture: str = ""
    ablation: str = ""


def findings(summary: Summary, verdicts: Sequence[Verdict] = ()) -> list[Finding]:
    """What is best first, then what published claims do not hold, then architecture by architecture."""
    names = titles(summary)
    found = []
    for dataset in dict.fromkeys(cell.dataset for cell in summary.cells):
        standing = [cell.group for cell in summary.cells if cell.dataset == dataset and cell.group]
        found += [*best(standing, names), *paired_cells(dataset, summary.cells, names)]
    found += list(contradictions(verdicts))
    for architecture in summary.architectures:
        own: list[Finding] = []
        for ablation in architecture.ablations:
            where = subject_of(ablation, names)
            told = [*trend(ablation, where), *level_differences(ablation, where), *paired_levels(ablation, where)]
            own += [replace(finding, ablation=ablation.name) for finding in told]
        for cell in architecture.cells:
            if cell.group:
                where = where_of(cell, names)
                own += [*overfitting(cell.group, where), *convergence(cell.group, where)]
        for group in architecture.groups:
            own += no_result(group, where_of(group, names))
        found += [replace(finding, architecture=architecture.name) for finding in own]
    return [*found, *data(summary.datasets)]


def best(groups: Sequence[Group], names: Mapping[str, str]) -> Iterator[Finding]:
    """Which architecture has the highest test accuracy on one data set, and whether the seeds show it."""
    ranked = sorted(((g, g.test) for g in groups if g.test), key=lambda each: each[1].value, reverse=True)
    if not ranked:
        return
    (first, highest), *rest = ranked
    others = [group for group, _ in rest]
    where, name = names.get(first.dataset, first.dataset), names.get(first.architecture, first.architecture)
    if not others:
        sentence = f"On {where}, {name} reaches {accuracy(highest)}; no other architecture has a result there."
        yield Finding("alone", sentence, (first.id,), highest)
        return
    by_seed = [accuracies(group) for group in (first, *others)]
    _, *less = differences(by_seed, by_seed[0], is_chosen=True)
    found = [(other, each) for other, each in zip(others, less, strict=True) if each]
    ids = tuple(group.id for group, _ in ranked)
    if len(found) < len(others):
        unknown = next(other for other, each in zip(others, less, strict=True) if not each)
        why = why_no_difference([first, unknown])
        top = f"The highest test accuracy measured there is that of {name}, {accuracy(highest)}"
        yield Finding("no winner", f"On {where}, no winner is claimed: {why}. {top}.", ids, highest)
    elif tied := [(other, each) for other, each in found if not is_shown(each)]:
        told = each_with_evidence([(names.get(other.architecture, other.architecture), each) for other, each in tied])
        top = f"On {where}, {name} has the highest mean test accuracy, {accuracy(highest)}"
        yield Finding("tie", f"{top}, but no difference is shown from {told}.", ids, tied[0][1])
    else:
        nearest, distance = found[0][0], turned(found[0][1])
        next_best = names.get(nearest.architecture, nearest.architecture)
        sentence = (
            f"On {where}, {name} is best with {accuracy(highest)}: {points(distance)} above {next_best}, the next "
            f"({evidence(distance)})."
        )
        yield Finding("best", sentence, ids, distance)


def level_differences(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Each value that differs from the baseline, and in one sentence those of which no difference is shown."""
    if ablation.baseline is None or len(ablation.levels) < 2:
        return
    baseline = ablation.levels[ablation.baseline]
    found = [(level, level.difference) for level in ablation.levels if level.difference]
    for level, difference in found:
        if is_shown(difference):
            side = "above" if difference.value > 0 else "below"
            told = f"{_called(level)} is {points(difference)} {side} {_called(baseline)}"
            sentence = f"{where}: {told} ({evidence(difference)})."
            yield Finding("difference", sentence, _ids(level, baseline), difference)
    if equal := [(level, difference) for level, difference in found if not is_shown(difference)]:
        told = each_with_evidence([(_called(level), difference) for level, difference in equal])
        ids = _ids(*(level for level, _ in equal), baseline)
        yield Finding(
            "no difference", f"{where}: no difference from {_called(baseline)} is shown for {told}.", ids, equal[0][1]
        )
    single = [level for level in ablation.levels if level.accuracy and level.accuracy.n == 1 and not level.paired]
    if single and len(single) + len(found) >= len(ablation.levels) - 1 and not found:
        told = "single runs, whose intervals leave out the spread between seeds; no difference is claimed"
        yield Finding("no comparison", f"{where}: {told}.", _ids(*single))


def paired_levels(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Each value of a single run against the baseline's single run, on the same test images."""
    if ablation.baseline is not None:
        baseline = ablation.levels[ablation.baseline]
        runs = [(_called(level), level.paired, _ids(level, baseline)) for level in ablation.levels]
        yield from paired(where, _called(baseline), runs)


def paired_cells(dataset: str, cells: Sequence[Cell], names: Mapping[str, str]) -> Iterator[Finding]:
    """The architectures of single runs on a data set against the one of them with the most images right."""
    called = {cell.group.id: names.get(cell.architecture, cell.architecture) for cell in cells if cell.group}
    runs = [
        (called[cell.group.id], cell.paired, (cell.group.id, cell.paired.other))
        for cell in cells
        if cell.dataset == dataset and cell.group and cell.paired
    ]
    if runs:
        yield from paired(names.get(dataset, dataset), called[runs[0][1].other], runs)


def paired(where: str, other: str, runs: Sequence[tuple[str, Paired | None, tuple[str, ...]]]) -> Iterator[Finding]:
    """Single runs, by what they are called, against another one; what was found says nothing of other seeds."""
    found = [(name, pair, ids) for name, pair, ids in runs if pair]
    for name, pair, ids in found:
        if pair.p < SIGNIFICANCE:
            told = f"{other} alone is right on {pair.other_alone:,} of them, {name} alone on {pair.alone:,}"
            yield Finding(
                "paired difference",
                f"{where}: on these {counted(pair.images, 'test image')} two single runs differ: {told} "
                f"({paired_evidence(pair)}); {ONE_SEED}.",
                ids,
            )
    if equal := [(name, pair, ids) for name, pair, ids in found if pair.p >= SIGNIFICANCE]:
        told = each_with_paired_evidence([(name, pair) for name, pair, _ in equal])
        yield Finding(
            "no paired difference",
            f"{where}: on these {counted(equal[0][1].images, 'test image')} no difference from the single run of "
            f"{other} is shown for {told}; {ONE_SEED}.",
            tuple(dict.fromkeys(each for _, _, ids in equal for each in ids)),
        )


def trend(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Whether the accuracy rises or falls all along the numbers of one axis, and whether its ends differ."""
    known = [(level, level.accuracy) for level in ablation.levels if level.accuracy]
    numeric = len(ablation.axes) == 1 and all(is_number(level.values[0]) for level, _ in known)
    if not numeric or not FEWEST_FOR_A_TREND <= len(known) == len(ablation.levels):
        return
    known.sort(key=lambda each: float(each[0].values[0]))
    steps = [after.value - before.value for (_, before), (_, after) in itertools.pairwise(known)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        return
    (first, low), *_, (last, high) = known
    direction = "rises" if high.value > low.value else "falls"
    ends = f"from {accuracy(low)} at {_called(first)} to {accuracy(high)} at {_called(last)}"
    if ablation.ends is None:
        single = low.n == 1 or high.n == 1
        why = "single runs" if single else "the seeds of an end diverged, do not vary or saw other images"
        doubt = f"; {why}: no trend is claimed"
    elif is_shown(ablation.ends):
        doubt = f"; the ends are {points(ablation.ends)} apart ({evidence(ablation.ends)})"
    else:
        doubt = f"; no difference of the ends is shown ({evidence(ablation.ends)})"
    sentence = f"{where}: the measured test accuracy {direction} all along {len(known)} values, {ends}{doubt}."
    yield Finding("trend", sentence, _ids(*(level for level, _ in known)), ablation.ends)


def overfitting(group: Group, where: str) -> Iterator[Finding]:
    """How far training accuracy is above test accuracy; over-fitting is more than 5 points, interval and all."""
    gap = group.gap
    if gap is None or gap.low is None or gap.high is None:
        return
    side, limit = "above" if gap.value >= 0 else "below", f"more than {100 * OVERFITTING:.0f} points"
    told = f"training accuracy is {points(gap)} {side} test accuracy ({evidence(gap)})"
    if gap.low > OVERFITTING:
        verdict = f"over-fits by {limit}"
    elif gap.high < OVERFITTING:
        verdict = f"does not over-fit by {limit}"
    else:
        verdict = f"is not shown to over-fit by {limit}"
    yield Finding("over-fitting", f"{where} {verdict}: {told}.", (group.id,), gap)


def convergence(group: Group, where: str) -> Iterator[Finding]:
    """When the training loss had made 95% of its fall; late in training, more epochs may help."""
    if group.converged is None:
        return
    epochs = int(group.fields["train.epochs"])
    late = group.converged.value > STILL_FALLING * epochs
    end = "; that is late, and more epochs may change the result" if late else ""
    sentence = (
        f"{where}: the training loss had made 95% of its fall by epoch {number(group.converged)} of {epochs}{end}."
    )
    yield Finding("convergence", sentence, (group.id,), group.converged)


def no_result(group: Group, where: str) -> Iterator[Finding]:
    """Runs that diverged, failed, are damaged or not finished."""
    label = f" with {group.label}" if group.label else ""
    for state in dict.fromkeys(run.state for run in group.runs if run.state != "done"):
        runs = [run for run in group.runs if run.state == state]
        seeds = f"{len(runs)} of {len(group.runs)} seeds" if len(group.runs) > 1 else "its single run"
        note = runs[0].note.removeprefix(state).strip()
        why = f" ({note})" if note else ""
        ended = _ended(state, "is" if len(runs) == 1 else "are")
        yield Finding("no result", f"{where}{label}: {seeds} {ended}{why}, {NO_RESULT}.", (group.id,))


def contradictions(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    """Published claims that several seeds speak against."""
    for verdict in verdicts:
        if verdict.contradicts:
            claim = verdict.claim
            sentence = f"Published: “{claim.statement}” ({claim.source}). Here: {verdict.reason}."
            ids = tuple(name for name in (claim.group, claim.other) if name)
            yield Finding("contradiction", sentence, ids, verdict.measured)


def data(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    """Images that are not the published ones: their results are not results on the published data set."""
    for dataset in datasets:
        if not dataset.canonical:
            yield Finding(
                "data",
                f"{dataset.title}: the images are not the canonical bytes of {dataset.name} ({dataset.source}); "
                "its results are not results on the published data set. No interval covers that.",
            )


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _called(level: Level) -> str:
    return ", ".join(level.values)


def _ids(*levels: Level) -> tuple[str, ...]:
    return tuple(level.group for level in levels if level.group)


def _ended(state: str, verb: str) -> str:
    told = {"unfinished": f"{verb} not finished", "no record": "left no record", "damaged": f"{verb} damaged"}
    return told.get(state, state)
