"""What follows from a summary, in sentences; none is without its uncertainty.

A new rule is a function that yields findings, and an entry in one of the tuples of rules below.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from vitreport.analysis.claims import UNJUDGED, Verdict
from vitreport.analysis.comparisons import (
    UNVARYING,
    difference_of,
    levels_on_other_images,
    paired,
    to_settle,
    why_no_difference,
)
from vitreport.analysis.grids import differing_combinations, interaction, main_effects
from vitreport.analysis.groups import Group, Named
from vitreport.analysis.references import architecture_title, subject_of
from vitreport.analysis.runs import Dataset
from vitreport.analysis.summary import Ablation, Finding, Level, Paired, Summary
from vitreport.data.registry import dataset_title
from vitreport.formatting import counted, joined, listed, p_value
from vitreport.intervals import adjusted_significance
from vitreport.spec.sweep import describe_level

LARGE_GAP = 0.05
LATE = 0.9
MAX_NAMED = 3


def is_headline(finding: Finding) -> bool:
    """Return whether it says which architecture is best on a dataset, also of single runs on the same test images."""
    headlines = ("best", "tie", "no winner", "not compared", "alone", "paired difference")
    return finding.rule in headlines and not finding.place


def findings(summary: Summary, verdicts: Sequence[Verdict] = ()) -> list[Finding]:
    """Find what is best, the contradicted claims, what follows from comparisons and ablations, then altered data."""
    found: list[Finding] = []
    for dataset in dict.fromkeys(pair.dataset for pair in summary.pairs):
        pairs = [pair for pair in summary.pairs if pair.dataset == dataset]
        named = [(architecture_title(pair.architecture), pair.group) for pair in pairs if pair.group]
        found += ranking(f"On {dataset_title(dataset)}, ", named, "architecture")
    found += contradictions(verdicts)
    for section in summary.sections:
        for comparison in section.comparisons:
            own = [finding for rule in COMPARISON_RULES for finding in rule(comparison.groups)]
            if len(comparison.groups) > 1 and not summary.is_overview(comparison):
                architectures = {group.architecture for _, group in comparison.groups}
                kind = "architecture" if len(architectures) > 1 else "setting"
                own = [*ranking("", comparison.groups, kind), *own]
            found += [replace(finding, place=comparison.name, subject=comparison.heading) for finding in own]
        found += [finding for ablation in section.ablations for finding in ablation_findings(ablation)]
    return [*found, *altered_data(summary.datasets)]


def ablation_findings(ablation: Ablation) -> list[Finding]:
    """Return what follows from an ablation."""
    own = [*(finding for rule in ABLATION_RULES for finding in rule(ablation)), *no_result(ablation.groups)]
    return [replace(each, place=ablation.name, subject=subject_of(ablation)) for each in own]


def best(where: str, named: Named, kind: str) -> Iterator[Finding]:
    """Say which group is best: its interval excludes 0 against every other with several seeds."""
    names = {group.id: name for name, group in named}
    tested = [(group, group.test) for _, group in named if group.test]
    ordered = sorted(tested, key=lambda each: each[1].value, reverse=True)
    ranked = [group for group, _ in ordered if group.is_ranked]
    ids = tuple(group.id for group, _ in ordered)
    if not ordered:
        return
    (first, highest), *others = ordered
    if not others:
        sentence = f"{where}{names[first.id]} reaches {highest.in_percent()}. No other {kind} has a result."
        yield Finding("alone", sentence, ids, highest)
    elif len(ranked) < 2:
        why = _sentence(where, f"no winner is claimed: {why_no_difference(group for group, _ in ordered)}")
        top = f"The highest test accuracy is that of {names[first.id]}, {highest.in_percent()}"
        yield Finding("no winner", f"{why} {top}.", ids, highest)
    else:
        yield _ranking(where, [(names[group.id], group) for group in ranked])
        if left_out := [group for group, _ in ordered if group not in ranked]:
            why = "not compared, because of single or diverged seeds"
            sentence = _sentence(where, f"{why}: {listed([names[group.id] for group in left_out], MAX_NAMED)}")
            yield Finding("not compared", sentence, tuple(group.id for group in left_out))


def _ranking(where: str, ranked: Named) -> Finding:
    (top, first), *others = ranked
    found = [(name, difference_of(first, other)) for name, other in others]
    tied = [(name, difference) for name, difference in found if not (difference and difference.is_shown)]
    name, difference = (tied or found)[0]
    ids, reached = tuple(group.id for _, group in ranked), f"{first.test.value:.1%}" if first.test else ""
    distance = difference.in_pp() if difference else ""
    if not tied:
        sentence = f"{where}{top} is best with {reached}, {distance} above {name}."
        return Finding("best", sentence, ids, difference)
    equal = [top, *(name for name, difference in tied if difference and difference.value == 0)]
    highest = (
        f"{listed(equal, MAX_NAMED)} {'share' if len(equal) > 1 else 'has'} the highest mean test accuracy, {reached}"
    )
    names = listed([name for name, _ in tied if name not in equal], MAX_NAMED)
    doubt = f", but no difference from {names} is shown" if names else "; no difference is shown"
    nearest = f" {name} is {distance} below." if distance and name not in equal else ""
    return Finding("tie", f"{where}{highest}{doubt}.{nearest}", ids, difference)


def ranking(where: str, named: Named, kind: str) -> Iterator[Finding]:
    """Say which group is best, and what would show it where that is open.

    `where` begins the sentences; `kind` is what the groups are, architectures or settings.
    """
    groups = {group.id: group for _, group in named}
    for each in best(where, named, kind):
        yield each
        first, *others = (groups[group_id] for group_id in each.groups)
        if each.rule in ("tie", "no winner") and (settled := to_settle(first, others)):
            yield Finding("to settle", _sentence(where, settled.in_words(kind)), each.groups)
    yield from paired_groups(where, named)


def paired_groups(where: str, named: Named) -> Iterator[Finding]:
    """Compare the single runs with the one of them that has the most correct images."""
    single = [(name, group) for name, group in named if len(group.runs) == 1 and group.runs[0].answers]
    if single:
        top, first = max(single, key=lambda each: each[1].accuracy_or_zero)
        yield from _paired(where, top, [(name, group, paired(group, first)) for name, group in single])


def trend(ablation: Ablation) -> Iterator[Finding]:
    """Say that the accuracy increases or decreases over all numbers of one axis whose ends differ."""
    values = [level.accuracy.value for level in ablation.levels if level.accuracy and level.number is not None]
    if not (ablation.ends and ablation.ends.is_shown) or len(values) < len(ablation.levels):
        return
    steps = [after - before for before, after in itertools.pairwise(values)]
    if all(step > 0 for step in steps) or all(step < 0 for step in steps):
        verb, side = ("increases", "above") if steps[0] > 0 else ("decreases", "below")
        first, last = (describe_level(ablation.axes, each.labels) for each in (ablation.levels[0], ablation.levels[-1]))
        ends = f"{last} is {ablation.ends.in_pp()} {side} {first}"
        sentence = f"Mean test accuracy {verb} over all {len(values)} values. Only the ends are compared: {ends}."
        yield Finding("trend", sentence, _ids(*ablation.levels), ablation.ends)


def lacking_baseline(ablation: Ablation) -> Iterator[Finding]:
    """Explain why no level is compared with a baseline that was not run, has no result or diverged."""
    baseline = None if ablation.baseline is None else ablation.levels[ablation.baseline]
    if baseline and any(level.accuracy for level in ablation.levels):
        seeds_without_result = baseline.group.seeds_without_result if baseline.group else ["not run"]
        if not baseline.accuracy or (baseline.group and baseline.group.diverged):
            name = describe_level(ablation.axes, baseline.labels)
            sentence = f"No level is compared with the baseline {name} ({joined(seeds_without_result)})."
            yield Finding("no comparison", sentence, _ids(*ablation.levels))


def level_differences(ablation: Ablation) -> Iterator[Finding]:
    """Name each level that differs from the baseline, and in one sentence those without a shown difference.

    A table has the single combinations of a grid.
    """
    if ablation.baseline is None or ablation.effects:
        return
    baseline = ablation.levels[ablation.baseline]
    equal, unvarying = [], []
    for level in ablation.levels:
        if (difference := level.difference) and difference.is_shown:
            side = "above" if difference.value > 0 else "below"
            sentence = f"{describe_level(ablation.axes, level.labels)} is {difference.in_pp()} {side} {baseline.shown}."
            if not ablation.is_grid:
                yield Finding("difference", sentence, _ids(level, baseline), difference)
        elif difference:
            equal.append(level)
        elif level.accuracy and level.accuracy.method == "equal":
            unvarying.append(level)
    if baseline in unvarying and len(unvarying) > 1:
        names = listed([level.shown for level in unvarying if level is not baseline])
        sentence = (
            f"No difference from {describe_level(ablation.axes, baseline.labels)} is claimed for {names}: {UNVARYING}."
        )
        yield Finding("no comparison", sentence, _ids(*unvarying))
    if equal:
        names = listed([level.shown for level in equal])
        sentence = f"No difference from {describe_level(ablation.axes, baseline.labels)} is shown for {names}."
        yield Finding("no difference", sentence, _ids(*equal, baseline), equal[0].difference)


def settled_levels(ablation: Ablation) -> Iterator[Finding]:
    """Say what would show the remaining differences from the baseline. Main effects are other differences."""
    if ablation.to_settle and not ablation.effects:
        each = f"{'combination' if ablation.is_grid else 'value'} of {joined(ablation.axes)}"
        yield Finding("to settle", _sentence("", ablation.to_settle.in_words(each)), _ids(*ablation.levels))


def paired_levels(ablation: Ablation) -> Iterator[Finding]:
    """Compare the levels that are single runs with the single run of the baseline."""
    if ablation.baseline is not None:
        levels = [(level.shown, level.group, level.paired) for level in ablation.levels if level.group]
        yield from _paired("", ablation.levels[ablation.baseline].shown, levels)


def _paired(where: str, other: str, alone: Iterable[tuple[str, Group, Paired | None]]) -> Iterator[Finding]:
    """Name the single runs that differ from another on the same test images, then those that are not shown to."""
    known = [(name, group, pair) for name, group, pair in alone if pair]
    limit = adjusted_significance(len(known))
    adjusted = f", adjusted for {len(known)} comparisons (Šidák)," if len(known) > 1 else ""
    for rule, verb in (("paired difference", "differ"), ("no paired difference", "are not shown to differ")):
        if found := [each for each in known if (each[2].p < limit) == (verb == "differ")]:
            names = listed([f"{name} ({p_value(pair.p)})" for name, _, pair in found], MAX_NAMED)
            words = f"these single runs {verb} from that of {other} on the same test images: {names}"
            sentence = f"{_sentence(where, words)} McNemar's exact test{adjusted} says nothing about other seeds."
            yield Finding(rule, sentence, (*(group.id for _, group, _ in found), found[0][2].other))


def large_gap(named: Named) -> Iterator[Finding]:
    """Name the groups whose generalization gap is above 5 pp, those where that is ruled out, and the others."""
    for verdict in ("shown", "ruled out", "neither shown nor ruled out"):
        if found := [(name, group) for name, group in named if _has_large_gap(group) == verdict]:
            names = listed([name for name, _ in found])
            gap = found[0][1].gap if len(found) == 1 else None
            sentence = f"A generalization gap above {100 * LARGE_GAP:.0f} pp is {verdict} for {names}."
            yield Finding("large gap", sentence, tuple(group.id for _, group in found), gap)


def _has_large_gap(group: Group) -> str:
    """Return "" if nothing can be said: of a single run, or of splits with other class shares."""
    is_comparable = group.shares_apart is not None and group.shares_apart <= LARGE_GAP
    if not (group.gap and group.gap.interval and group.gap.n > 1 and is_comparable):
        return ""
    low, high = group.gap.interval
    return "shown" if low > LARGE_GAP else "ruled out" if high < LARGE_GAP else "neither shown nor ruled out"


def convergence(named: Named) -> Iterator[Finding]:
    """Name the groups whose training loss reached 95% of its total decrease late: more epochs may help."""
    late = [(name, each) for name, each in named if each.converged and each.converged.value > LATE * each.epochs]
    if late:
        names = listed([name for name, _ in late])
        sentence = f"Training loss was still decreasing near the end for {names}: more epochs may change the result."
        yield Finding("convergence", sentence, tuple(group.id for _, group in late))


def no_result(named: Named) -> Iterator[Finding]:
    """Name the groups with seeds that diverged, failed, are damaged or not finished."""
    incomplete = [(name, group) for name, group in named if group.seeds_without_result]
    if incomplete:
        names = listed([f"{name} ({joined(group.seeds_without_result)})" for name, group in incomplete])
        yield Finding("no result", f"Runs without a result: {names}.", tuple(group.id for _, group in incomplete))


def contradictions(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    """Count the published claims that several seeds contradict."""
    against = [verdict.claim for verdict in verdicts if verdict.contradicts]
    if against:
        claims = counted(sum(verdict.outcome not in UNJUDGED for verdict in verdicts), "comparable published claim")
        subjects = listed([claim.subject for claim in against], MAX_NAMED)
        sentence = f"The measurements contradict {len(against)} of {claims}: {subjects}."
        yield Finding("contradiction", sentence, tuple(claim.group for claim in against))


def altered_data(datasets: Iterable[Dataset]) -> Iterator[Finding]:
    """Name datasets whose images are not the published ones."""
    for dataset in datasets:
        if dataset.is_altered:
            images = f"The {dataset.title} images differ from the published ones (read from: {dataset.source})"
            yield Finding("data", f"{images}. Published accuracies cannot be compared with those measured here.")


def _sentence(where: str, words: str) -> str:
    """Write a sentence that begins with `where`, or else with a capital letter."""
    return f"{where or words[0].upper()}{words if where else words[1:]}."


def _ids(*levels: Level) -> tuple[str, ...]:
    return tuple(level.group.id for level in levels if level.group)


ABLATION_RULES: tuple[Callable[[Ablation], Iterator[Finding]], ...] = (
    trend,
    main_effects,
    interaction,
    differing_combinations,
    lacking_baseline,
    level_differences,
    levels_on_other_images,
    settled_levels,
    paired_levels,
)
COMPARISON_RULES: tuple[Callable[[Named], Iterator[Finding]], ...] = (large_gap, convergence, no_result)
