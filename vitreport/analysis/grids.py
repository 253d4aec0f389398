"""Grids of two varied fields: the main effects of their values, their interaction, and what follows in sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from statistics import mean

from vitreport.analysis.comparisons import are_comparable
from vitreport.analysis.runs import sample_of
from vitreport.analysis.summary import Ablation, Effect, Finding, Interaction
from vitreport.formatting import joined, listed
from vitreport.intervals import Sample, contrast
from vitreport.spec.sweep import Labels, describe_level, format_level

Samples = Mapping[Labels, Sample]


def with_effects(ablation: Ablation) -> Ablation:
    """Add main effects and interactions to a grid with several seeds of every combination, none of them diverged."""
    samples = _samples(ablation) if ablation.is_grid else {}
    if not samples:
        return ablation
    effects, interactions = tuple(_effects(ablation, samples)), tuple(_interactions(ablation, samples))
    if not any(each.difference for each in effects):  # seeds that do not vary, without answers by image
        return ablation
    return replace(ablation, effects=effects, interactions=interactions)


def _samples(ablation: Ablation) -> Samples:
    """Return the samples of all combinations; nothing where one has none, or not all of them compare."""
    found = {level.labels: level.group for level in ablation.levels if level.group and not level.group.diverged}
    are_alike = all(are_comparable(*pair) for pair in combinations(found.values(), 2))
    samples = {labels: sample_of(group.runs) for labels, group in found.items()}
    is_whole = len(samples) == len(ablation.levels) and all(len(each.values) > 1 for each in samples.values())
    return samples if is_whole and are_alike else {}


def _effects(ablation: Ablation, samples: Samples) -> Iterator[Effect]:
    """Yield the main effect of each value: its mean over the values of the other field, minus the reference's."""
    comparisons = sum(len(labels) - 1 for labels in ablation.labels)
    for place, axis in enumerate(ablation.axes):
        averaged = {
            label: [sample for labels, sample in samples.items() if labels[place] == label]
            for label in ablation.labels[place]
        }
        reference = averaged[ablation.reference[place]]
        for label, own in averaged.items():
            terms = [(sign / len(each), sample) for sign, each in ((1, own), (-1, reference)) for sample in each]
            difference = None if own is reference else contrast(terms, comparisons)
            yield Effect(axis, label, mean(mean(sample.values) for sample in own), difference)


def _interactions(ablation: Ablation, samples: Samples) -> Iterator[Interaction]:
    """Yield by how much the second field's difference from its reference differs from that at the first's reference."""
    first, second = ablation.reference
    others = [pair for pair in product(*ablation.labels) if pair[0] != first and pair[1] != second]
    for row, column in others:
        terms = [
            (1.0, samples[row, column]),
            (-1.0, samples[row, second]),
            (-1.0, samples[first, column]),
            (1.0, samples[first, second]),
        ]
        if difference := contrast(terms, len(others)):
            yield Interaction((row, column), difference)


def main_effects(ablation: Ablation) -> Iterator[Finding]:
    """Name each value of a grid whose average differs from the reference's, and those without a shown difference."""
    ids, equal = tuple(group.id for _, group in ablation.groups), dict[str, list[str]]()
    for effect in ablation.effects:
        place, difference = ablation.axes.index(effect.axis), effect.difference
        if difference and difference.is_shown:
            words = f"{describe_level([effect.axis], [effect.level])} is {difference.in_pp()}"
            side = "above" if difference.value > 0 else "below"
            sentence = f"Averaged over {ablation.axes[1 - place]}, {words} {side} {ablation.references[place]}."
            yield Finding("main effect", sentence, ids, difference)
        elif difference:
            equal.setdefault(effect.axis, []).append(format_level([effect.level]))
    if equal:
        names = joined(f"{axis} {', '.join(levels)}" for axis, levels in equal.items())
        yield Finding("no main effect", f"No main effect is shown for {names}.", ids)
    whole = [group.is_ranked for _, group in ablation.groups]
    is_whole = len(whole) == len(ablation.levels) and all(whole)
    if ablation.is_grid and any(whole) and not is_whole:
        combinations = f"every combination of {joined(ablation.axes)}"
        sentence = f"Main effects and interactions need at least two seeds of {combinations}, none of them diverged."
        yield Finding("no main effect", sentence, ids)


def interaction(ablation: Ablation) -> Iterator[Finding]:
    """Say how the effect of the second field depends on the first, or how far it could without being shown."""
    found = sorted(ablation.interactions, key=lambda each: abs(each.difference.value), reverse=True)
    ids = tuple(group.id for _, group in ablation.groups)
    if shown := [each for each in found if each.difference.is_shown]:
        (row, column), difference = (format_level([label]) for label in shown[0].levels), shown[0].difference
        at, before = ablation.references
        change = f"{difference.in_pp()} {'higher' if difference.value > 0 else 'lower'}"
        words = f"the change from {before} to {column} is {change} at {row} than at {at}"
        sentence = f"The effect of {ablation.axes[1]} depends on {ablation.axes[0]}: {words}."
        yield Finding("interaction", sentence, ids, difference)
    elif found:
        bound = max(abs(end) for each in found for end in each.difference.interval or ())
        words = f"No interaction of {joined(ablation.axes)} is shown; it could be up to {100 * bound:.1f} pp."
        yield Finding("no interaction", words, ids, found[0].difference)


def differing_combinations(ablation: Ablation) -> Iterator[Finding]:
    """Name the combinations of a grid without main effects that are above the baseline, and those that are below."""
    shown = [level for level in ablation.levels if level.difference and level.difference.is_shown]
    if ablation.baseline is None or not ablation.is_grid or ablation.effects:
        return
    for side, sign in (("above", 1), ("below", -1)):
        if found := [level for level in shown if level.difference and sign * level.difference.value > 0]:
            names, groups = listed([level.shown for level in found]), [level.group for level in found if level.group]
            sentence = f"Combinations {side} {describe_level(ablation.axes, ablation.reference)}: {names}."
            yield Finding("difference", sentence, tuple(group.id for group in groups), found[0].difference)
