"""What follows from a summary, in sentences; none is without its uncertainty.

A new rule is a function that yields findings, and an entry in one of the tuples of rules below.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from vitreport.analysis.claims import Verdict
from vitreport.analysis.comparisons import accuracies, why_no_difference
from vitreport.analysis.datasets import Dataset
from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title
from vitreport.analysis.summary import Ablation, Level, Pair, Paired, Summary
from vitreport.analysis.titles import subject_of, where_of
from vitreport.data.registry import dataset_title
from vitreport.formatting import (
    SIGNIFICANCE,
    UNVARYING,
    Estimate,
    by_holm,
    counted,
    each_with_evidence,
    joined,
    p_value,
    percent,
)
from vitreport.intervals import differences_over_seeds

OVERFITTING = 0.05
LATE = 0.9
FEWEST_FOR_A_TREND = 3
ONE_SEED = "the spread between seeds is not known"
NO_RESULT = "without a result"


@dataclass(frozen=True)
class Finding:
    """A sentence, and what it rests on: the ids of groups, and the estimate where it speaks of one.

    `architecture` says whose section it belongs to; one across architectures has none. `ablation` is the name of the
    one that it is about.
    """

    rule: str
    sentence: str
    groups: tuple[str, ...] = ()
    estimate: Estimate | None = None
    architecture: str = ""
    ablation: str = ""


def findings(summary: Summary, verdicts: Sequence[Verdict] = ()) -> list[Finding]:
    """What is best first, then the published claims that are contradicted, then each architecture, then the data."""
    found: list[Finding] = []
    for dataset in dict.fromkeys(pair.dataset for pair in summary.pairs):
        pairs = [pair for pair in summary.pairs if pair.dataset == dataset]
        found += [finding for rule in DATASET_RULES for finding in rule(dataset, pairs)]
    found += contradictions(verdicts)
    for architecture in summary.architectures:
        own = [finding for ablation in architecture.ablations for finding in ablation_findings(ablation)]
        for pair in architecture.pairs:
            if pair.group:
                where = where_of(pair)
                own += [finding for rule in REPRESENTATIVE_RULES for finding in rule(pair.group, where)]
        for group in architecture.groups:
            own += no_result(group, where_of(group))
        found += [replace(finding, architecture=architecture.name) for finding in own]
    return [*found, *altered_data(summary.datasets)]


def ablation_findings(ablation: Ablation) -> list[Finding]:
    """Return what follows from an ablation."""
    where = subject_of(ablation)
    return [replace(finding, ablation=ablation.name) for rule in ABLATION_RULES for finding in rule(ablation, where)]


def best(dataset: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Which architecture has the highest test accuracy on a data set, and whether the seeds show it."""
    tested = [(pair.group, pair.group.test) for pair in pairs if pair.group and pair.group.test]
    if not tested:
        return
    (first, highest), *rest = sorted(tested, key=lambda each: each[1].value, reverse=True)
    others = [group for group, _ in rest]
    ids = tuple(group.id for group in (first, *others))
    where, name = dataset_title(dataset), architecture_title(first.architecture)
    if not others:
        sentence = f"On {where}, {name} reaches {highest.in_percent()}; no other architecture has a result there."
        yield Finding("alone", sentence, ids, highest)
        return
    by_seed = [accuracies(group) for group in (first, *others)]
    _, *differences = differences_over_seeds(by_seed, by_seed[0], is_chosen=True)
    titles = [architecture_title(other.architecture) for other in others]
    found = [(title, each) for title, each in zip(titles, differences, strict=True) if each]
    if None in differences:
        why = why_no_difference([first, others[differences.index(None)]])
        top = f"The highest test accuracy measured there is that of {name}, {highest.in_percent()}"
        yield Finding("no winner", f"On {where}, no winner is claimed: {why}. {top}.", ids, highest)
    elif tied := [(other, difference) for other, difference in found if not difference.is_shown]:
        below = [f"{other} by {each.points()} ({each.turned().evidence()})" for other, each in found if each.is_shown]
        above = f"; it is above {joined(below)}" if below else ""
        top = f"On {where}, {name} has the highest mean test accuracy, {highest.in_percent()}"
        sentence = f"{top}, but no difference is shown from {each_with_evidence(tied)}{above}."
        yield Finding("tie", sentence, ids, tied[0][1])
    else:
        next_best, distance = found[0][0], found[0][1].turned()
        sentence = (
            f"On {where}, {name} is best with {highest.in_percent()}: {distance.points()} above {next_best}, the next "
            f"({distance.evidence()})."
        )
        yield Finding("best", sentence, ids, distance)


def paired_architectures(dataset: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """The architectures that are single runs, against the one of them with the most images right."""
    title = {pair.group.id: architecture_title(pair.architecture) for pair in pairs if pair.group}
    runs = [
        (title[pair.group.id], pair.paired, (pair.group.id, pair.paired.other))
        for pair in pairs
        if pair.group and pair.paired
    ]
    if runs:
        yield from _paired(dataset_title(dataset), title[runs[0][1].other], runs)


def trend(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Whether the accuracy increases or decreases over all numbers of one axis, and whether its ends differ."""
    known = [
        (number, level, level.accuracy)
        for level in ablation.levels
        if level.accuracy and (number := level.number) is not None
    ]
    if not FEWEST_FOR_A_TREND <= len(known) == len(ablation.levels):
        return
    known.sort(key=lambda each: each[0])
    steps = [after.value - before.value for (*_, before), (*_, after) in itertools.pairwise(known)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        return
    (_, first, low), *_, (_, last, high) = known
    direction = "rises" if high.value > low.value else "falls"
    ends = f"from {low.in_percent()} at {first.shown} to {high.in_percent()} at {last.shown}"
    if ablation.ends is None:
        if 1 in (low.n, high.n):
            why = "single runs"
        elif ablation.baseline not in (0, len(ablation.levels) - 1):
            why = "neither end is the baseline"
        else:
            why = "the seeds of an end diverged, do not vary or saw other images"
        doubt = f"; {why}: no trend is claimed"
    elif ablation.ends.is_shown:
        doubt = f"; the ends are {ablation.ends.points()} apart ({ablation.ends.evidence()})"
    else:
        doubt = f"; no difference of the ends is shown ({ablation.ends.evidence()})"
    sentence = f"{where}: the measured test accuracy {direction} all along {len(known)} values, {ends}{doubt}."
    yield Finding("trend", sentence, _ids(*(level for _, level, _ in known)), ablation.ends)


def level_differences(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Each level that differs from the baseline, and in one sentence those of which no difference is shown."""
    if ablation.baseline is None or len(ablation.levels) < 2:
        return
    baseline = ablation.levels[ablation.baseline]
    found = [(level, level.difference) for level in ablation.levels if level.difference]
    for level, difference in found:
        if difference.is_shown:
            side = "above" if difference.value > 0 else "below"
            sentence = f"{where}: {level.shown} is {difference.points()} {side} {baseline.shown}"
            yield Finding("difference", f"{sentence} ({difference.evidence()}).", _ids(level, baseline), difference)
    if equal := [(level, difference) for level, difference in found if not difference.is_shown]:
        evidence = each_with_evidence([(level.shown, difference) for level, difference in equal])
        sentence = f"{where}: no difference from {baseline.shown} is shown for {evidence}."
        yield Finding("no difference", sentence, _ids(*(level for level, _ in equal), baseline), equal[0][1])
    single = [level for level in ablation.levels if level.accuracy and level.accuracy.n == 1 and not level.paired]
    if single and len(single) + len(found) >= len(ablation.levels) - 1 and not found:
        why = "single runs, whose intervals leave out the spread between seeds; no difference is claimed"
        yield Finding("no comparison", f"{where}: {why}.", _ids(*single))
    equal_seeds = [level for level in ablation.levels if level.accuracy and level.accuracy.method == "equal"]
    if baseline in equal_seeds and len(equal_seeds) > 1:
        others = joined(level.shown for level in equal_seeds if level != baseline)
        sentence = f"{where}: {others} and {baseline.shown} have {UNVARYING}, so no interval: no difference is claimed."
        yield Finding("no comparison", sentence, _ids(*equal_seeds))


def paired_levels(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Each level that is a single run against the single run of the baseline, on the same test images."""
    if ablation.baseline is not None:
        baseline = ablation.levels[ablation.baseline]
        runs = [(level.shown, level.paired, _ids(level, baseline)) for level in ablation.levels]
        yield from _paired(where, baseline.shown, runs)


def _paired(where: str, other: str, runs: Sequence[tuple[str, Paired | None, tuple[str, ...]]]) -> Iterator[Finding]:
    """Single runs, by what they are called, against another one; what is found says nothing of other seeds."""
    found = [(name, pair, ids) for name, pair, ids in runs if pair]
    for name, pair, ids in found:
        if pair.p < SIGNIFICANCE:
            alone = f"{other} alone is right on {pair.other_alone:,} of them, {name} alone on {pair.alone:,}"
            yield Finding(
                "paired difference",
                f"{where}: on these {counted(pair.images, 'test image')} two single runs differ: {alone} "
                f"(McNemar's exact test, {p_value(pair.p, pair.comparisons)}); {ONE_SEED}.",
                ids,
            )
    if equal := [(name, pair, ids) for name, pair, ids in found if pair.p >= SIGNIFICANCE]:
        (name, first, _), *others = equal
        if others:
            evidence = joined(f"{name} ({p_value(pair.p)})" for name, pair, _ in equal)
            evidence = f"{evidence}; McNemar's exact test, p{by_holm(first.comparisons)}"
        else:
            evidence = f"{name} (McNemar's exact test, {p_value(first.p, first.comparisons)})"
        yield Finding(
            "no paired difference",
            f"{where}: on these {counted(first.images, 'test image')} no difference from the single run of "
            f"{other} is shown for {evidence}; {ONE_SEED}.",
            tuple(dict.fromkeys(group for *_, ids in equal for group in ids)),
        )


def overfitting(group: Group, where: str) -> Iterator[Finding]:
    """How far training accuracy is above test accuracy; over-fitting is more than 5 points, interval and all.

    Nothing is claimed where the class shares of the splits differ: a difference of more than 5 points could come from
    them alone.
    """
    gap = group.gap
    if gap is None or gap.interval is None:
        return
    why = "the records do not count the training images by class"
    if group.shares_apart is not None:
        why = f"the class shares of the training and the test images differ by {percent(group.shares_apart, 1)}"
    if group.shares_apart is None or group.shares_apart > OVERFITTING:
        reason = f"because training and test accuracy are not comparable: {why}"
        yield Finding("class shares", f"{where}: over-fitting is not assessed, {reason}.", (group.id,))
        return
    side, limit = "above" if gap.value >= 0 else "below", f"more than {100 * OVERFITTING:.0f} points"
    low, high = gap.interval
    if low > OVERFITTING:
        verdict = f"over-fits by {limit}"
    elif high < OVERFITTING:
        verdict = f"does not over-fit by {limit}"
    else:
        verdict = f"is not shown to over-fit by {limit}"
    distance = f"training accuracy is {gap.points()} {side} test accuracy"
    sentence = f"{where} {verdict}: {distance} (training minus test: {gap.signed_evidence()})."
    yield Finding("over-fitting", sentence, (group.id,), gap)


def convergence(group: Group, where: str) -> Iterator[Finding]:
    """When the training loss had made 95% of its fall; late in training, more epochs may help."""
    if group.converged is None:
        return
    epochs = int(group.fields["train.epochs"])
    end = "; that is late, and more epochs may change the result" if group.converged.value > LATE * epochs else ""
    reached = f"the training loss had made 95% of its fall by epoch {group.converged.in_numbers()} of {epochs}"
    yield Finding("convergence", f"{where}: {reached}{end}.", (group.id,), group.converged)


def no_result(group: Group, where: str) -> Iterator[Finding]:
    """Runs that diverged, failed, are damaged or not finished."""
    label = f" with {group.label}" if group.label else ""
    for state in dict.fromkeys(run.state for run in group.runs if run.state != "done"):
        runs = [run for run in group.runs if run.state == state]
        seeds = f"{len(runs)} of {len(group.runs)} seeds" if len(group.runs) > 1 else "its single run"
        be = "is" if len(runs) == 1 else "are"
        ended = {"unfinished": f"{be} not finished", "no record": "left no record", "damaged": f"{be} damaged"}
        note = runs[0].note.removeprefix(state).strip()
        why = f" ({note})" if note else ""
        sentence = f"{where}{label}: {seeds} {ended.get(state, state)}{why}, {NO_RESULT}."
        yield Finding("no result", sentence, (group.id,))


def contradictions(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    """Published claims that several seeds speak against."""
    for verdict in verdicts:
        if verdict.contradicts:
            claim = verdict.claim
            sentence = f"Published: “{claim.statement}” ({claim.source}). Here: {verdict.reason}."
            ids = tuple(name for name in (claim.group, claim.other) if name)
            yield Finding("contradiction", sentence, ids, verdict.measured)


def altered_data(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    """Images that are not the published ones: their results are not results on the published data set."""
    for dataset in datasets:
        if dataset.is_altered:
            images = f"{dataset.title}: the images are not the canonical bytes of {dataset.name} ({dataset.source})"
            sentence = f"{images}; its results are not results on the published data set. No interval covers that."
            yield Finding("data", sentence)


def _ids(*levels: Level) -> tuple[str, ...]:
    return tuple(level.group for level in levels if level.group)


DATASET_RULES: tuple[Callable[[str, Sequence[Pair]], Iterator[Finding]], ...] = (best, paired_architectures)
ABLATION_RULES: tuple[Callable[[Ablation, str], Iterator[Finding]], ...] = (trend, level_differences, paired_levels)
REPRESENTATIVE_RULES: tuple[Callable[[Group, str], Iterator[Finding]], ...] = (overfitting, convergence)
