"""What follows from a summary, in sentences; none is without its uncertainty.

A new rule is a function that yields findings, and an entry in one of the tuples of rules below.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from vitreport.analysis.claims import Verdict
from vitreport.analysis.comparisons import ONE_SEED, UNVARYING, difference_of, to_settle, why_no_difference
from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title, subject_of, where_of
from vitreport.analysis.runs import Dataset
from vitreport.analysis.summary import Ablation, Level, Pair, Paired, Summary
from vitreport.data.registry import dataset_title
from vitreport.formatting import Estimate, joined, listed, p_value
from vitreport.intervals import SIGNIFICANCE

OVERFITTING = 0.05
LATE = 0.9
FEWEST_FOR_A_TREND = 3


@dataclass(frozen=True)
class Finding:
    """A sentence, and what it rests on: the ids of groups, and the estimate where it speaks of one."""

    rule: str
    sentence: str
    groups: tuple[str, ...] = ()
    estimate: Estimate | None = None
    architecture: str = ""  # whose section it belongs to; one across architectures has none
    ablation: str = ""  # the name of the ablation that it is about


def findings(summary: Summary, verdicts: Sequence[Verdict] = ()) -> list[Finding]:
    """Find what is best, the contradicted claims, what follows from each architecture, then altered data."""
    found: list[Finding] = []
    for dataset in dict.fromkeys(pair.dataset for pair in summary.pairs):
        pairs = [pair for pair in summary.pairs if pair.dataset == dataset]
        found += [finding for rule in DATASET_RULES for finding in rule(dataset_title(dataset), pairs)]
    found += contradictions(verdicts)
    for architecture in summary.architectures:
        own = [finding for ablation in architecture.ablations for finding in ablation_findings(ablation)]
        shown = [pair.group for pair in architecture.pairs if pair.group]
        own += [finding for group in shown for rule in GROUP_RULES for finding in rule(group, where_of(group))]
        own += [finding for group in architecture.groups for finding in no_result(group, where_of(group))]
        found += [replace(finding, architecture=architecture.name) for finding in own]
    return [*found, *altered_data(summary.datasets)]


def ablation_findings(ablation: Ablation) -> list[Finding]:
    """Return what follows from an ablation."""
    where = subject_of(ablation)
    return [replace(finding, ablation=ablation.name) for rule in ABLATION_RULES for finding in rule(ablation, where)]


def best(where: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Say which architecture is best on a dataset: its interval excludes 0 against every other with several seeds."""
    tested = [(pair.group, pair.group.test) for pair in pairs if pair.group and pair.group.test]
    ordered = sorted(tested, key=lambda each: each[1].value, reverse=True)
    ranked = [group for group, _ in ordered if len(group.seeds) > 1 and not group.diverged]
    ids = tuple(group.id for group, _ in ordered)
    if not ordered:
        return
    (first, highest), *others = ordered
    if not others:
        sentence = f"On {where}, {_title(first)} reaches {highest.in_percent()}; nothing else has a result."
        yield Finding("alone", sentence, ids, highest)
    elif len(ranked) < 2:
        why = why_no_difference(group for group, _ in ordered)
        top = f"The highest test accuracy is that of {_title(first)}, {highest.in_percent()}"
        yield Finding("no winner", f"On {where}, no winner is claimed: {why}. {top}.", ids, highest)
    else:
        yield _ranking(where, ranked)
        if left_out := [group for group, _ in ordered if group not in ranked]:
            names = listed([f"{_title(group)} ({why_no_difference([group])})" for group in left_out], 2)
            yield Finding("not compared", f"On {where}, not compared: {names}.", tuple(group.id for group in left_out))


def _ranking(where: str, ranked: Sequence[Group]) -> Finding:
    first, *others = ranked
    found = [(_title(other), difference_of(first, other)) for other in others]
    tied = [(name, difference) for name, difference in found if not (difference and difference.is_shown)]
    name, difference = (tied or found)[0]
    ids, reached = tuple(group.id for group in ranked), f"{first.test.value:.1%}" if first.test else ""
    distance = difference.points() if difference else ""
    if not tied:
        sentence = f"On {where}, {_title(first)} is best with {reached}, {distance} above {name}."
        return Finding("best", sentence, ids, difference)
    equal = [name for name, difference in tied if difference and difference.value == 0]
    top = f"{joined([_title(first), *equal])} {'share' if equal else 'has'} the highest mean test accuracy, {reached}"
    names = listed([name for name, _ in tied if name not in equal])
    doubt = f", but no difference from {names} is shown" if names else "; no difference is shown"
    nearest = f" {name} is {distance} below." if distance else ""
    return Finding("tie", f"On {where}, {top}{doubt}.{nearest}", ids, difference)


def settle(where: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Say what would show which architecture is best, where that is open."""
    groups = {pair.group.id: pair.group for pair in pairs if pair.group}
    for found in best(where, pairs):
        first, *others = (groups[each] for each in found.groups)
        if found.rule in ("tie", "no winner") and (settled := to_settle(first, others)):
            yield Finding("to settle", f"On {where}, {settled.in_words('architecture')}.", found.groups)


def paired_architectures(where: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Compare the architectures that are single runs with the one of them that has the most correct images."""
    titles = {pair.group.id: _title(pair.group) for pair in pairs if pair.group}
    for pair in pairs:
        if pair.group and (alone := pair.paired):
            yield _paired(where, titles[pair.group.id], titles[alone.other], alone, (pair.group.id, alone.other))


def trend(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Say that the accuracy increases or decreases over all numbers of one axis, and whether its ends differ."""
    values = [level.accuracy.value for level in ablation.levels if level.accuracy and level.number is not None]
    if ablation.ends is None or not FEWEST_FOR_A_TREND <= len(values) == len(ablation.levels):
        return
    steps = [after - before for before, after in itertools.pairwise(values)]
    if all(step > 0 for step in steps) or all(step < 0 for step in steps):
        verb, side = ("increases", "above") if steps[0] > 0 else ("decreases", "below")
        ends = f"{ablation.levels[-1].shown} is {ablation.ends.points()} {side} {ablation.levels[0].shown}"
        doubt = "" if ablation.ends.is_shown else "; this difference is not shown"
        sentence = f"{where}: test accuracy {verb} over all {len(values)} values; {ends}{doubt}."
        yield Finding("trend", sentence, _ids(*ablation.levels), ablation.ends)


def level_differences(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Name each level that differs from the baseline, and in one sentence those of which no difference is shown."""
    if ablation.baseline is None:
        return
    baseline = ablation.levels[ablation.baseline]
    equal, left = [], []
    for level in ablation.levels:
        if (difference := level.difference) and difference.is_shown:
            side = "above" if difference.value > 0 else "below"
            sentence = f"{where}: {level.shown} is {difference.points()} {side} {baseline.shown}."
            yield Finding("difference", sentence, _ids(level, baseline), difference)
        elif difference:
            equal.append(level)
        elif level.accuracy and not level.paired:
            left.append(level)
    if equal:
        names = f"{listed([level.shown for level in equal])}; the table has the confidence intervals"
        sentence = f"{where}: no difference from {baseline.shown} is shown for {names}."
        yield Finding("no difference", sentence, _ids(*equal, baseline), equal[0].difference)
    accuracies = [level.accuracy for level in left if level.accuracy]  # a seed that diverged is named elsewhere
    why = ONE_SEED if any(each.n == 1 for each in accuracies) else UNVARYING
    if baseline in left and len(left) > 1 and (why == ONE_SEED or all(each.method == "equal" for each in accuracies)):
        names = listed([level.shown for level in left if level != baseline])
        sentence = f"{where}: no difference from {baseline.shown} is claimed for {names}, because {why}."
        yield Finding("no comparison", sentence, _ids(*left))
    if ablation.to_settle:
        yield Finding("to settle", f"{where}: {ablation.to_settle.in_words('value')}.", _ids(*ablation.levels))


def paired_levels(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Compare each level that is a single run with the single run of the baseline."""
    for level in ablation.levels:
        if level.paired and ablation.baseline is not None:
            baseline = ablation.levels[ablation.baseline]
            yield _paired(where, level.shown, baseline.shown, level.paired, _ids(level, baseline))


def _paired(where: str, name: str, other: str, pair: Paired, ids: tuple[str, ...]) -> Finding:
    test = f"(McNemar's exact test, {p_value(pair.p)}); this says nothing about other seeds"
    if pair.p < SIGNIFICANCE:
        alone = f"{other} alone is correct on {pair.other_alone:,} test images, {name} alone on {pair.alone:,}"
        return Finding("paired difference", f"{where}: the single runs differ: {alone} {test}.", ids)
    sentence = f"{where}: no difference between the single runs of {other} and {name} is shown {test}."
    return Finding("no paired difference", sentence, ids)


def overfitting(group: Group, where: str) -> Iterator[Finding]:
    """Say whether the generalization gap is above 5 percentage points; nothing where the class shares differ."""
    gap = group.gap
    if gap is None or gap.interval is None or group.shares_apart is None or group.shares_apart > OVERFITTING:
        return
    low, high = gap.interval
    verdict = "shown" if low > OVERFITTING else "ruled out" if high < OVERFITTING else "neither shown nor ruled out"
    distance = f"training accuracy is {gap.points()} {'above' if gap.value >= 0 else 'below'} test accuracy"
    sentence = f"{where}: over-fitting by more than {100 * OVERFITTING:.0f} pp is {verdict}; {distance}."
    yield Finding("over-fitting", sentence, (group.id,), gap)


def convergence(group: Group, where: str) -> Iterator[Finding]:
    """Say when the training loss reached 95% of its total decrease; late in training, more epochs may help."""
    if group.converged:
        epochs = int(group.fields["train.epochs"])
        reached = f"training loss reached 95% of its total decrease by epoch {group.converged.in_numbers()} of {epochs}"
        end = "; that is late, more epochs may change the result" if group.converged.value > LATE * epochs else ""
        yield Finding("convergence", f"{where}: {reached}{end}.", (group.id,), group.converged)


def no_result(group: Group, where: str) -> Iterator[Finding]:
    """Name runs that diverged, failed, are damaged or not finished."""
    label = f" with {group.label}" if group.label else ""
    for state in dict.fromkeys(run.state for run in group.runs if run.state != "done"):
        runs = [run for run in group.runs if run.state == state]
        seeds = f"{len(runs)} of {len(group.runs)} seeds" if len(group.runs) > 1 else "its single run"
        be = "is" if len(runs) == 1 else "are"
        ended = {"unfinished": f"{be} not finished", "no record": "left no record", "damaged": f"{be} damaged"}
        note = runs[0].note.removeprefix(state).strip()
        sentence = f"{where}{label}: {seeds} {ended.get(state, state)}{f' ({note})' if note else ''}, without a result."
        yield Finding("no result", sentence, (group.id,))


def contradictions(verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    """Name published claims that several seeds contradict."""
    for verdict in verdicts:
        if verdict.contradicts:
            claim = verdict.claim
            sentence = f"Published: “{claim.statement}” ({claim.source}). Here: {verdict.reason}."
            yield Finding("contradiction", sentence, tuple(filter(None, (claim.group, claim.other))), verdict.measured)


def altered_data(datasets: Iterable[Dataset]) -> Iterator[Finding]:
    """Name datasets whose images are not the published ones."""
    for dataset in datasets:
        if dataset.is_altered:
            images = f"{dataset.title}: the images are not the canonical bytes of {dataset.name} ({dataset.source})"
            yield Finding("data", f"{images}; no interval covers that, and published accuracies do not compare.")


def _title(group: Group) -> str:
    return architecture_title(group.architecture)


def _ids(*levels: Level) -> tuple[str, ...]:
    return tuple(level.group for level in levels if level.group)


DATASET_RULES: tuple[Callable[[str, Sequence[Pair]], Iterator[Finding]], ...] = (best, paired_architectures, settle)
ABLATION_RULES: tuple[Callable[[Ablation, str], Iterator[Finding]], ...] = (trend, level_differences, paired_levels)
GROUP_RULES: tuple[Callable[[Group, str], Iterator[Finding]], ...] = (overfitting, convergence)
