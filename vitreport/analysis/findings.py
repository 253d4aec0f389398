"""What follows from a summary, in sentences; none is without its uncertainty.

A new rule is a function that yields findings, and an entry in one of the tuples of rules below.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vitreport.analysis.claims import Verdict
from vitreport.analysis.comparisons import ONE_SEED, UNVARYING, difference_of, to_settle, why_no_difference
from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title, subject_of
from vitreport.analysis.runs import Dataset
from vitreport.analysis.summary import Ablation, Level, Pair, Paired, Summary
from vitreport.data.registry import dataset_title
from vitreport.formatting import Estimate, joined, listed, p_value
from vitreport.intervals import SIGNIFICANCE
from vitreport.spec.sweep import called

OVERFITTING = 0.05
LATE = 0.9
FEWEST_FOR_A_TREND = 3
Named = Sequence[tuple[str, Group]]  # groups that are compared, by the names that they have there


@dataclass(frozen=True)
class Finding:
    """A sentence, and what it rests on: the ids of groups, and the estimate where it speaks of one."""

    rule: str
    sentence: str
    groups: tuple[str, ...] = ()
    estimate: Estimate | None = None
    place: str = ""  # the name of the comparison or ablation that it is about; one about datasets or claims has none
    subject: str = ""  # what it is about, for where no heading says it


def is_foremost(finding: Finding) -> bool:
    """Return whether it says which architecture is best on a dataset, also of single runs on the same test images."""
    foremost = ("best", "tie", "no winner", "not compared", "alone", "paired difference")
    return finding.rule in foremost and not finding.place


def findings(summary: Summary, verdicts: Sequence[Verdict] = ()) -> list[Finding]:
    """Find what is best, the contradicted claims, what follows from comparisons and ablations, then altered data."""
    found: list[Finding] = []
    for dataset in dict.fromkeys(pair.dataset for pair in summary.pairs):
        pairs = [pair for pair in summary.pairs if pair.dataset == dataset]
        named = [(_title(pair.group), pair.group) for pair in pairs if pair.group]
        found += ranking(dataset_title(dataset), named)
        found += paired_architectures(dataset_title(dataset), pairs)
    found += contradictions(verdicts)
    groups = {group.id: group for group in summary.groups}
    foremost = {pair.group.id for pair in summary.pairs if pair.group}
    for section in summary.sections:
        for comparison in section.comparisons:
            compared = comparison.groups
            own = [finding for rule in COMPARISON_RULES for finding in rule(compared)]
            if len(compared) > 1 and not foremost.issuperset(group.id for _, group in compared):
                own = [*ranking(dataset_title(comparison.dataset), compared), *own]
            found += [replace(finding, place=comparison.name, subject=comparison.heading) for finding in own]
        found += [finding for ablation in section.ablations for finding in ablation_findings(ablation, groups)]
    return [*found, *altered_data(summary.datasets)]


def ablation_findings(ablation: Ablation, groups: Mapping[str, Group]) -> list[Finding]:
    """Return what follows from an ablation, whose `groups` are among these by their ids."""
    own = [finding for rule in ABLATION_RULES for finding in rule(ablation)]
    named = [(called(ablation.axes, level.labels), groups[level.group]) for level in ablation.levels if level.group]
    return [replace(each, place=ablation.name, subject=subject_of(ablation)) for each in (*own, *no_result(named))]


def best(where: str, named: Named) -> Iterator[Finding]:
    """Say which group is best on a dataset: its interval excludes 0 against every other with several seeds."""
    names = {group.id: name for name, group in named}
    tested = [(group, group.test) for _, group in named if group.test]
    ordered = sorted(tested, key=lambda each: each[1].value, reverse=True)
    ranked = [group for group, _ in ordered if len(group.seeds) > 1 and not group.diverged]
    ids = tuple(group.id for group, _ in ordered)
    if not ordered:
        return
    (first, highest), *others = ordered
    if not others:
        sentence = f"On {where}, {names[first.id]} reaches {highest.in_percent()}; no other result is compared with it."
        yield Finding("alone", sentence, ids, highest)
    elif len(ranked) < 2:
        why = why_no_difference(group for group, _ in ordered)
        top = f"The highest test accuracy is that of {names[first.id]}, {highest.in_percent()}"
        yield Finding("no winner", f"On {where}, no winner is claimed: {why}. {top}.", ids, highest)
    else:
        yield _ranking(where, [(names[group.id], group) for group in ranked])
        if left_out := [group for group, _ in ordered if group not in ranked]:
            why = listed([f"{names[group.id]} ({why_no_difference([group])})" for group in left_out], 2)
            yield Finding("not compared", f"On {where}, not compared: {why}.", tuple(group.id for group in left_out))


def _ranking(where: str, ranked: Named) -> Finding:
    (top, first), *others = ranked
    found = [(name, difference_of(first, other)) for name, other in others]
    tied = [(name, difference) for name, difference in found if not (difference and difference.is_shown)]
    name, difference = (tied or found)[0]
    ids, reached = tuple(group.id for _, group in ranked), f"{first.test.value:.1%}" if first.test else ""
    distance = difference.points() if difference else ""
    if not tied:
        sentence = f"On {where}, {top} is best with {reached}, {distance} above {name}."
        return Finding("best", sentence, ids, difference)
    equal = [name for name, difference in tied if difference and difference.value == 0]
    leaders = joined([top, *equal]) if len(equal) < 5 else listed([top, *equal])
    highest = f"{leaders} {'share' if equal else 'has'} the highest mean test accuracy, {reached}"
    names = listed([name for name, _ in tied if name not in equal])
    doubt = f", but no difference from {names} is shown" if names else "; no difference is shown"
    nearest = f" {name} is {distance} below." if distance else ""
    return Finding("tie", f"On {where}, {highest}{doubt}.{nearest}", ids, difference)


def ranking(where: str, named: Named) -> Iterator[Finding]:
    """Say which group is best on a dataset, and what would show it where that is open."""
    groups = {group.id: group for _, group in named}
    kind = "architecture" if len({group.architecture for group in groups.values()}) > 1 else "setting"
    found = list(best(where, named))
    yield from found
    for each in found:
        first, *others = (groups[group_id] for group_id in each.groups)
        if each.rule in ("tie", "no winner") and (settled := to_settle(first, others)):
            yield Finding("to settle", f"On {where}, {settled.in_words(kind)}.", each.groups)


def paired_architectures(where: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Compare the architectures that are single runs with the one of them that has the most correct images."""
    titles = {pair.group.id: _title(pair.group) for pair in pairs if pair.group}
    for pair in pairs:
        if pair.group and (alone := pair.paired):
            yield _paired(where, titles[pair.group.id], titles[alone.other], alone, (pair.group.id, alone.other))


def trend(ablation: Ablation) -> Iterator[Finding]:
    """Say that the accuracy increases or decreases over all numbers of one axis, and whether its ends differ."""
    values = [level.accuracy.value for level in ablation.levels if level.accuracy and level.number is not None]
    if ablation.ends is None or not FEWEST_FOR_A_TREND <= len(values) == len(ablation.levels):
        return
    steps = [after - before for before, after in itertools.pairwise(values)]
    if all(step > 0 for step in steps) or all(step < 0 for step in steps):
        verb, side = ("increases", "above") if steps[0] > 0 else ("decreases", "below")
        first, last = (called(ablation.axes, each.labels) for each in (ablation.levels[0], ablation.levels[-1]))
        ends = f"{last} is {ablation.ends.points()} {side} {first}"
        doubt = "" if ablation.ends.is_shown else "; this difference is not shown"
        sentence = f"Test accuracy {verb} over all {len(values)} values; {ends}{doubt}."
        yield Finding("trend", sentence, _ids(*ablation.levels), ablation.ends)


def level_differences(ablation: Ablation) -> Iterator[Finding]:
    """Name each level that differs from the baseline, and in one sentence those of which no difference is shown."""
    if ablation.baseline is None:
        return
    baseline = ablation.levels[ablation.baseline]
    equal, left = [], []
    for level in ablation.levels:
        if (difference := level.difference) and difference.is_shown:
            side = "above" if difference.value > 0 else "below"
            sentence = f"{called(ablation.axes, level.labels)} is {difference.points()} {side} {baseline.shown}."
            yield Finding("difference", sentence, _ids(level, baseline), difference)
        elif difference:
            equal.append(level)
        elif level.accuracy and not level.paired:
            left.append(level)
    if equal:
        names = listed([level.shown for level in equal])
        sentence = f"No difference from {called(ablation.axes, baseline.labels)} is shown for {names}."
        yield Finding("no difference", sentence, _ids(*equal, baseline), equal[0].difference)
    accuracies = [level.accuracy for level in left if level.accuracy]  # a seed that diverged is named elsewhere
    why = ONE_SEED if any(each.n == 1 for each in accuracies) else UNVARYING
    if baseline in left and len(left) > 1 and (why == ONE_SEED or all(each.method == "equal" for each in accuracies)):
        names = listed([level.shown for level in left if level != baseline])
        sentence = f"No difference from {called(ablation.axes, baseline.labels)} is claimed for {names}, because {why}."
        yield Finding("no comparison", sentence, _ids(*left))
    if ablation.to_settle:
        words = ablation.to_settle.in_words(f"value of {joined(ablation.axes)}")
        yield Finding("to settle", f"{words[0].upper()}{words[1:]}.", _ids(*ablation.levels))


def paired_levels(ablation: Ablation) -> Iterator[Finding]:
    """Compare each level that is a single run with the single run of the baseline."""
    for level in ablation.levels:
        if level.paired and ablation.baseline is not None:
            baseline = ablation.levels[ablation.baseline]
            yield _paired(subject_of(ablation), level.shown, baseline.shown, level.paired, _ids(level, baseline))


def _paired(where: str, name: str, other: str, pair: Paired, ids: tuple[str, ...]) -> Finding:
    test = f"(McNemar's exact test, {p_value(pair.p)}); this says nothing about other seeds"
    if pair.p < SIGNIFICANCE:
        alone = f"{other} alone is correct on {pair.other_alone:,} test images, {name} alone on {pair.alone:,}"
        return Finding("paired difference", f"{where}: the single runs differ: {alone} {test}.", ids)
    sentence = f"{where}: no difference between the single runs of {other} and {name} is shown {test}."
    return Finding("no paired difference", sentence, ids)


def overfitting(named: Named) -> Iterator[Finding]:
    """Say of which groups the generalization gap is shown to be above 5 pp, of which not, and of which neither."""
    limit = f"by more than {100 * OVERFITTING:.0f} pp"
    for name, group in named:
        if group.gap and _over_fits(group) == "shown":
            sentence = f"{name} over-fits {limit}: training accuracy is {group.gap.points()} above test accuracy."
            yield Finding("over-fitting", sentence, (group.id,), group.gap)
    for verdict in ("ruled out", "neither shown nor ruled out"):
        if found := [(name, group) for name, group in named if _over_fits(group) == verdict]:
            names, gap = listed([name for name, _ in found]), found[0][1].gap if len(found) == 1 else None
            sentence = f"Over-fitting {limit} is {verdict} for {names}."
            yield Finding("over-fitting", sentence, tuple(group.id for _, group in found), gap)


def _over_fits(group: Group) -> str:
    """Return "" if nothing can be said: accuracies of splits with other class shares do not compare."""
    is_comparable = group.shares_apart is not None and group.shares_apart <= OVERFITTING
    if not (group.gap and group.gap.interval and is_comparable):
        return ""
    low, high = group.gap.interval
    return "shown" if low > OVERFITTING else "ruled out" if high < OVERFITTING else "neither shown nor ruled out"


def convergence(named: Named) -> Iterator[Finding]:
    """Name the groups whose training loss reached 95% of its total decrease late: more epochs may help."""
    late = [(name, each) for name, each in named if each.converged and each.converged.value > LATE * epochs_of(each)]
    if late:
        names = listed([name for name, _ in late])
        sentence = f"Training loss still decreased near the end for {names}: more epochs may change the result."
        yield Finding("convergence", sentence, tuple(group.id for _, group in late))


def epochs_of(group: Group) -> int:
    """Return how many epochs its runs were planned to train."""
    return int(group.fields["train.epochs"])


def no_result(named: Named) -> Iterator[Finding]:
    """Name runs that diverged, failed, are damaged or not finished."""
    for name, group in named:
        for state in dict.fromkeys(run.state for run in group.runs if run.state != "done"):
            runs = [run for run in group.runs if run.state == state]
            seeds = f"{len(runs)} of {len(group.runs)} seeds" if len(group.runs) > 1 else "its single run"
            be = "is" if len(runs) == 1 else "are"
            ended = {"unfinished": f"{be} not finished", "no record": "left no record", "damaged": f"{be} damaged"}
            note = runs[0].note.removeprefix(state).strip()
            sentence = f"{name}: {seeds} {ended.get(state, state)}{f' ({note})' if note else ''}, without a result."
            yield Finding("no result", sentence, (group.id,))


def contradictions(verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    """Name published claims that several seeds contradict."""
    for verdict in verdicts:
        claim, measured = verdict.claim, verdict.measured
        if measured and verdict.contradicts:
            published = f"published {claim.published} ({claim.source})"
            sentence = f"{claim.subject}: {published}, but measured {claim.in_words(measured)}."
            yield Finding("contradiction", sentence, tuple(filter(None, (claim.group, claim.other))), measured)


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


ABLATION_RULES: tuple[Callable[[Ablation], Iterator[Finding]], ...] = (trend, level_differences, paired_levels)
COMPARISON_RULES: tuple[Callable[[Named], Iterator[Finding]], ...] = (overfitting, convergence, no_result)
