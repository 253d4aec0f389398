"""What follows from an ablation, in sentences, and from single runs side by side."""

import itertools
from collections.abc import Iterator, Sequence

from vitreport.analysis.finding import Finding
from vitreport.analysis.summary import Ablation, Level, Paired
from vitreport.formatting import SIGNIFICANCE, Estimate, by_holm, counted, each_with_evidence, joined, p_value

ONE_SEED = "the spread between seeds is not known"
FEWEST_FOR_A_TREND = 3


def level_differences(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Each value that differs from the baseline, and in one sentence those of which no difference is shown."""
    if ablation.baseline is None or len(ablation.levels) < 2:
        return
    baseline = ablation.levels[ablation.baseline]
    found = [(level, level.difference) for level in ablation.levels if level.difference]
    for level, difference in found:
        if difference.is_shown:
            side = "above" if difference.value > 0 else "below"
            told = f"{level.shown} is {difference.points()} {side} {baseline.shown}"
            sentence = f"{where}: {told} ({difference.evidence()})."
            yield Finding("difference", sentence, _ids(level, baseline), difference)
    if equal := [(level, difference) for level, difference in found if not difference.is_shown]:
        told = each_with_evidence([(level.shown, difference) for level, difference in equal])
        ids = _ids(*(level for level, _ in equal), baseline)
        yield Finding(
            "no difference", f"{where}: no difference from {baseline.shown} is shown for {told}.", ids, equal[0][1]
        )
    single = [level for level in ablation.levels if level.accuracy and level.accuracy.n == 1 and not level.paired]
    if single and len(single) + len(found) >= len(ablation.levels) - 1 and not found:
        told = "single runs, whose intervals leave out the spread between seeds; no difference is claimed"
        yield Finding("no comparison", f"{where}: {told}.", _ids(*single))


def paired_levels(ablation: Ablation, where: str) -> Iterator[Finding]:
    """Each value of a single run against the baseline's single run, on the same test images."""
    if ablation.baseline is not None:
        baseline = ablation.levels[ablation.baseline]
        runs = [(level.shown, level.paired, _ids(level, baseline)) for level in ablation.levels]
        yield from paired(where, baseline.shown, runs)


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
    ends = f"from {low.in_percent()} at {first.shown} to {high.in_percent()} at {last.shown}"
    if ablation.ends is None:
        doubt = f"; {_why_no_trend(ablation, low, high)}: no trend is claimed"
    elif ablation.ends.is_shown:
        doubt = f"; the ends are {ablation.ends.points()} apart ({ablation.ends.evidence()})"
    else:
        doubt = f"; no difference of the ends is shown ({ablation.ends.evidence()})"
    sentence = f"{where}: the measured test accuracy {direction} all along {len(known)} values, {ends}{doubt}."
    yield Finding("trend", sentence, _ids(*(level for level, _ in known)), ablation.ends)


def _why_no_trend(ablation: Ablation, low: Estimate, high: Estimate) -> str:
    if 1 in (low.n, high.n):
        return "single runs"
    if ablation.baseline not in (0, len(ablation.levels) - 1):
        return "neither end is the baseline"
    return "the seeds of an end diverged, do not vary or saw other images"


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ids(*levels: Level) -> tuple[str, ...]:
    return tuple(level.group for level in levels if level.group)


def paired_evidence(pair: Paired) -> str:
    """McNemar's exact test, p = 0.025 by Holm over 2 comparisons"""
    return f"McNemar's exact test, {p_value(pair.p, pair.comparisons)}"


def each_with_paired_evidence(found: Sequence[tuple[str, Paired]]) -> str:
    """A (p = 0.025) and B (p = 0.1); McNemar's exact test, p by Holm over 2 comparisons"""
    (name, first), *others = found
    if not others:
        return f"{name} ({paired_evidence(first)})"
    told = joined(f"{each} ({p_value(pair.p)})" for each, pair in found)
    return f"{told}; McNemar's exact test, p{by_holm(first.comparisons)}"
