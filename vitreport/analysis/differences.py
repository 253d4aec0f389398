"""What differs between two runs or two groups, by dotted path, and what follows from it in a sentence."""

from collections.abc import Mapping
from typing import Any

from vitreport.analysis.comparisons import difference_of, why_no_difference
from vitreport.analysis.groups import Group
from vitreport.formatting import p_value
from vitreport.intervals import SIGNIFICANCE, mcnemar
from vitreport.records.measurement import right_alone
from vitreport.records.reader import Run
from vitreport.spec.fields import flat
from vitreport.store.run_state import state_of

RIGHT_ALONE = "test_images_right_alone"
Differences = Mapping[str, tuple[Any, Any]]
"""Both values by their path; None if one side lacks it."""


def run_differences(first: Run, second: Run) -> Differences:
    """Compare all that is on record of two runs, and the test images that only one of them classifies correctly."""
    found = _differences(_values_of_run(first), _values_of_run(second))
    alone = right_alone(first.answers, second.answers)
    return {**found, RIGHT_ALONE: alone} if alone and any(alone) else found


def group_differences(first: Group | None, second: Group | None) -> Differences:
    """Compare the fields of the specs, the seeds, and the test accuracy of each seed."""
    return _differences(_values_of_group(first), _values_of_group(second))


def run_comparison(found: Differences) -> str:
    """Say whether two runs differ on the same test images; nothing if that is not known."""
    if RIGHT_ALONE not in found:
        return _different_images(found)
    p = mcnemar(*found[RIGHT_ALONE])
    verdict = "differ" if p < SIGNIFICANCE else "are not shown to differ"
    return (
        f"these two runs {verdict} on these test images (McNemar's exact test, {p_value(p)}); "
        "this says nothing of other seeds"
    )


def group_comparison(first: Group | None, second: Group | None) -> str:
    """Compare the test accuracies of two groups."""
    if first is None or second is None:
        return ""
    if first.id == second.id:
        return "both are the same group"
    if reason := _different_images(group_differences(first, second)):
        return reason
    shown = " and ".join(group.test.in_percent(2) if group.test else "unknown" for group in (first, second))
    difference = difference_of(second, first)
    if difference is None:
        return f"test accuracy {shown}; no difference is claimed: {why_no_difference([first, second])}"
    doubt = "" if difference.is_shown else "; no difference is shown"
    return f"test accuracy {shown}; difference with its 95% CI in pp: {difference.signed_points()}{doubt}"


def _different_images(found: Differences) -> str:
    datasets = found.get("data.dataset", (None, None))
    return "" if None in datasets else f"accuracies do not compare: {' and '.join(datasets)} are different images"


def _differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> Differences:
    return {path: (left.get(path), right.get(path)) for path in {**left, **right} if left.get(path) != right.get(path)}


def _values_of_group(group: Group | None) -> dict[str, Any]:
    if group is None:
        return {}
    tests = {f"test_accuracy.s{run.seed}": run.accuracies["test"] for run in group.runs if "test" in run.accuracies}
    return {**group.fields, "seeds": [run.seed for run in group.runs], **tests}


def _values_of_run(run: Run) -> dict[str, Any]:
    values: dict[str, Any] = flat(run.spec.model_dump(mode="json")) if run.spec else {}
    values["state"] = state_of(run)
    if record := run.record:
        environment = record.model_dump(mode="json", include={"fingerprint", "versions", "seconds", "git"})
        sections = record.model_dump(mode="json", include={"data", "cost", "throughput"})
        values |= flat({"environment": environment, **{name: part or {} for name, part in sections.items()}})
    for name in ("selected", "last") if run.result else ():
        result = getattr(run.result, name)
        splits = {split: measured.values for split, measured in result.splits.items()}
        values |= flat({name: {"epoch": result.epoch, "step": result.step, "splits": splits}})
    return {path: value for path, value in values.items() if value is not None}
