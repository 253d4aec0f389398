"""Compare groups over seeds and test images, and single runs image by image; show what differs between two of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vitreport.analysis.groups import Group
from vitreport.analysis.power import TWO_SEEDS, ToSettle, needed, spread_of
from vitreport.analysis.runs import sample_of
from vitreport.analysis.summary import Ablation, Finding, Paired
from vitreport.formatting import Estimate, counted, listed, p_value
from vitreport.intervals import SIGNIFICANCE, difference, mcnemar
from vitreport.records.measurement import discordant_pairs
from vitreport.records.reader import Run
from vitreport.spec.fields import flatten
from vitreport.spec.sweep import describe_level
from vitreport.store.run_state import state_of

ONE_SEED = "one seed gives no estimate of the variation between seeds"
NOT_COMPARED = "accuracies cannot be compared"
OTHER_IMAGES = "accuracies on different images cannot be compared"
OF_RECORD = {"fingerprint", "versions", "seconds", "git", "data", "cost", "throughput", "trials_per_job"}
RIGHT_ALONE = "test_images_right_alone"
UNVARYING = "seeds with equal values give no estimate of the variation between seeds"
Differences = Mapping[str, tuple[Any, Any]]
"""Two values by their dotted path; None if one side lacks it."""


def are_comparable(group: Group, other: Group) -> bool:
    """Return whether accuracies compare: they are of one dataset, and of the same images under its name."""
    is_one_dataset = group.fields["data.dataset"] == other.fields["data.dataset"]
    return is_one_dataset and len(_fingerprints(group) | _fingerprints(other)) < 2


def difference_of(group: Group, other: Group, comparisons: int = 1) -> Estimate | None:
    """Return the test accuracy of one group minus that of another, None where `why_no_difference` says why."""
    if group.diverged or other.diverged or not are_comparable(group, other):
        return None
    return difference(sample_of(group.runs), sample_of(other.runs), comparisons)


def differences_from(baseline: Group | None, groups: Sequence[Group | None]) -> list[Estimate | None]:
    """Return the difference of each group from the baseline; all of their intervals hold together."""
    if baseline is None:
        return [None] * len(groups)
    others = [each if each and each is not baseline and difference_of(each, baseline) else None for each in groups]
    comparisons = sum(each is not None for each in others)
    return [difference_of(each, baseline, comparisons) if each else None for each in others]


def to_settle(baseline: Group, others: Iterable[Group], comparisons: int = 1) -> ToSettle | None:
    """Return what would show all differences from a baseline that are not shown: first of all, two seeds."""
    found, lacks_seeds = [], False
    for other in (each for each in others if each is not baseline and are_comparable(each, baseline)):
        difference, pair = difference_of(other, baseline, comparisons), (baseline, other)
        if difference and not difference.is_shown:
            spread, images = spread_of([sample_of(group.runs) for group in pair])
            found.append(ToSettle(difference.n, images, *needed(spread, images, comparisons)))
        elif not difference and all(group.seeds for group in pair):
            lacks_seeds |= why_no_difference(pair) == ONE_SEED
    if not found:
        return TWO_SEEDS if lacks_seeds else None
    seeds, images = max(each.seeds for each in found), max(each.images for each in found)
    return ToSettle(min(each.now_seeds for each in found), min(each.now_images for each in found), seeds, images)


def why_no_difference(groups: Iterable[Group]) -> str:
    """Say why there is no difference between two of these groups."""
    groups = list(groups)
    if not all(are_comparable(groups[0], group) for group in groups):
        return OTHER_IMAGES
    if diverged := next((group for group in groups if group.diverged), None):
        return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged"
    return ONE_SEED if any(len(group.seeds) < 2 for group in groups) else UNVARYING


def levels_on_other_images(ablation: Ablation) -> Iterator[Finding]:
    """Name the levels that are not compared with the baseline, because their runs saw other images."""
    baseline = None if ablation.baseline is None else ablation.levels[ablation.baseline]
    if baseline and baseline.group:
        others = [each for each in ablation.levels if each.group and not are_comparable(each.group, baseline.group)]
        if others:
            ids = tuple(level.group.id for level in (baseline, *others) if level.group)
            words = f"No difference from {describe_level(ablation.axes, baseline.labels)} is claimed for"
            sentence = f"{words} {listed([level.shown for level in others])}: {OTHER_IMAGES}."
            yield Finding("no comparison", sentence, ids)


def paired(group: Group | None, other: Group | None) -> Paired | None:
    """Compare two different groups of a single finished run each on the same test images."""
    if not (group and other) or group is other or len(group.runs) > 1 or len(other.runs) > 1:
        return None
    alone = discordant_pairs(group.runs[0].answers, other.runs[0].answers)
    answers = other.runs[0].answers
    return Paired(other.id, answers.count, *alone, mcnemar(*alone)) if alone and answers else None


def compare_runs(first: Run, second: Run) -> tuple[Differences, str]:
    """Return all that differs between the records of two runs, and whether they differ on the same test images."""
    found = _differences(_values_of_run(first), _values_of_run(second))
    alone = discordant_pairs(first.answers, second.answers)
    if not (alone and any(alone)):
        fingerprints = {run.record.data.fingerprint for run in (first, second) if run.record}
        return found, _different_images(found, fingerprints, first.spec.data.dataset if first.spec else "one dataset")
    p = mcnemar(*alone)
    verdict = "differ" if p < SIGNIFICANCE else "are not shown to differ"
    test = f"these two runs {verdict} on these test images (McNemar's exact test, {p_value(p)})"
    return {**found, RIGHT_ALONE: alone}, f"{test}; this says nothing about other seeds"


def compare_groups(first: Group | None, second: Group | None) -> tuple[Differences, str]:
    """Return what differs between the specs, seeds and test accuracies of two groups, and whether these differ."""
    values: list[dict[str, Any]] = []
    for group in (first, second):
        runs = group.runs if group else ()
        tests = {f"test_accuracy.s{run.seed}": run.accuracies["test"] for run in runs if "test" in run.accuracies}
        values.append({**group.fields, "seeds": [run.seed for run in runs], **tests} if group else {})
    found = _differences(*values)
    if not (first and second) or first.id == second.id:
        return found, "both are the same group" if first and second else ""
    if reason := _different_images(found, _fingerprints(first) | _fingerprints(second), first.fields["data.dataset"]):
        return found, reason
    shown = " and ".join(group.test.in_percent(2) if group.test else "unknown" for group in (first, second))
    difference, settled = difference_of(second, first), to_settle(first, [second])
    outcome = f"no difference is claimed: {why_no_difference([first, second])}"
    if difference:
        doubt = "" if difference.is_shown else "; no difference is shown"
        outcome = f"difference with its 95% CI in pp: {difference.in_signed_pp()}{doubt}"
    wanted = f"; {settled.in_words('group')}" if settled else ""
    return found, f"test accuracy {shown}; {outcome}{wanted}"


def _fingerprints(group: Group) -> set[str]:
    """Return those of the images that its runs saw: one, or none without a record."""
    return {run.record.data.fingerprint for run in group.runs if run.record}


def _different_images(found: Differences, fingerprints: set[str], dataset: str) -> str:
    """Say why accuracies do not compare if their images are of two datasets, or differ under one name."""
    datasets = found.get("data.dataset", ())
    if datasets:
        return "" if None in datasets else f"{NOT_COMPARED}: {' and '.join(datasets)} are different images"
    return f"{NOT_COMPARED}: the runs saw different images of {dataset}" if len(fingerprints) > 1 else ""


def _differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> Differences:
    paths = {**left, **right}
    parts = list(dict.fromkeys(path.partition(".")[0] for path in paths))
    ordered = sorted(paths, key=lambda path: parts.index(path.partition(".")[0]))
    return {path: (left.get(path), right.get(path)) for path in ordered if left.get(path) != right.get(path)}


def _values_of_run(run: Run) -> dict[str, Any]:
    parts = [
        {"state": state_of(run)},
        run.spec.model_dump(mode="json") if run.spec else {},
        run.record.model_dump(mode="json", include=OF_RECORD) if run.record else {},
        run.result.model_dump(mode="json", include={"selected", "last"}) if run.result else {},
    ]
    return {path: value for part in parts for path, value in flatten(part).items() if value is not None}
