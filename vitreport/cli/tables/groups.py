"""Runs that differ by their seed alone, as one line of a list and as one side of a comparison."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vitreport.cli.console import note
from vitreport.cli.format import TRAIN_AGAIN
from vitreport.cli.tables.records import LIST_COLUMNS, list_row, overview
from vitreport.formatting import UNVARYING, duration, percent
from vitreport.intervals import SHARE, difference_over_seeds, over_seeds
from vitreport.records.groups import grouped, mixed_randomness
from vitreport.records.reader import Run
from vitreport.records.sweeps import SweepRecord
from vitreport.run_id import RunId
from vitreport.spec.compose import flat
from vitreport.spec.sweep import called
from vitreport.store.state import state_of

INDENT = "  "
UNDER_WAY = ("running", "interrupted")
LEGEND = (
    "± is half of a 95% t interval over n seeds, wide for 2; an interval that reaches 0 or 100% is "
    "shown by both ends; seeds that do not vary have none"
)


def group_rows(runs: Sequence[Run], sweeps: Sequence[SweepRecord]) -> Iterator[list[str]]:
    """Lines of `runs list`: under the name of each sweep its own runs, then those of none."""
    newest = {(group, RunId.parse(run.id).seed): run for group, members in grouped(runs).items() for run in members}
    for sweep in sweeps:
        values = {RunId.parse(trial.run).group: trial.values for trial in sweep.trials}
        own = grouped(newest[trial] for trial in _trials(sweep) if trial in newest)
        if own:
            yield [f"{sweep.name} (sweep {sweep.id.rpartition('-')[2]})", *[""] * (len(LIST_COLUMNS) - 1)]
        for group in filter(own.__contains__, values):
            name, *others = group_row(own[group])
            yield [f"{INDENT}{name} ({called([axis.name for axis in sweep.axes], values[group])})", *others]
    in_sweeps = {trial for sweep in sweeps for trial in _trials(sweep)}
    yield from map(group_row, grouped(run for trial, run in newest.items() if trial not in in_sweeps).values())


def group_row(runs: Sequence[Run]) -> list[str]:
    """As the line of a run; of several, accuracies of those that are done, as means with the t interval's half-width.

    Of those under way the best validation accuracies stand apart. A damaged record counts among the states only.
    """
    overviews = [overview(run) for run in runs]
    if len(runs) == 1:
        return list_row(overviews[0])
    whole = [each for each, run in zip(overviews, runs, strict=True) if not run.damage]
    seconds = [each["seconds"] for each in overviews if each["seconds"] is not None]
    so_far = ", ".join(map(percent, _known(whole, "val_accuracy", *UNDER_WAY)))
    return [
        name_of(runs),
        _states([each["state"] for each in overviews]),
        ", ".join(dict.fromkeys(f"{each['epoch']}/{each['epochs'] or '?'}" for each in overviews)),
        "; ".join(filter(None, [estimate(_known(whole, "val_accuracy", "done")), so_far and f"so far {so_far}"])),
        estimate(_known(whole, "test_accuracy", "done")),
        duration(sum(seconds)) if seconds else "",
        min((each["started"] for each in overviews if each["started"]), default=""),
    ]


def tell_mixed(runs: Iterable[Run]) -> None:
    """Warn on stderr of groups whose runs should not be one result."""
    drawn = {
        group: {RunId.parse(run.id).seed: run.record.randomness for run in members if run.record}
        for group, members in grouped(runs).items()
    }
    for line in mixed_randomness(drawn):
        note(f"warning: {line}; {TRAIN_AGAIN}")


def name_of(runs: Sequence[Run]) -> str:
    """The id of the group, or of the run that stands alone."""
    return runs[0].id if len(runs) == 1 else RunId.parse(runs[0].id).group


def group_differences(first: Sequence[Run], second: Sequence[Run]) -> dict[str, tuple[Any, Any]]:
    """What differs between two groups: fields of the spec, the seeds, and the test accuracy of each."""
    left, right = _told(first), _told(second)
    return {path: (left.get(path), right.get(path)) for path in {**left, **right} if left.get(path) != right.get(path)}


def compared(first: Sequence[Run], second: Sequence[Run]) -> str:
    """The test accuracies of two groups in a sentence, with the difference where both have two seeds at least."""
    if name_of(first) == name_of(second):
        return "both are the same group"
    left, right = _accuracies(first), _accuracies(second)
    estimates = [estimate([*each.values()]) or "unknown" for each in (left, right)]
    told = f"test accuracy {' and '.join(estimates)}"
    if any(state_of(run) == "diverged" for run in (*first, *second)):
        return f"{told}; of seeds that diverged the others are no measure"
    if min(len(left), len(right)) < 2:
        return f"{told}; a difference needs two seeds of each at least"
    if (found := difference_over_seeds(right, left)) is None:
        return f"{told}; of {UNVARYING} no difference is claimed"
    return f"{told}: {'' if found.is_shown else 'no difference shown, '}{found.signed_evidence()}"


def estimate(accuracies: Sequence[float]) -> str:
    """Write the mean over seeds with its interval; a single accuracy as it is."""
    found = over_seeds(accuracies, SHARE)
    return "" if found is None else percent(found.value) if found.n == 1 else found.in_percent(2)


def _trials(sweep: SweepRecord) -> list[tuple[str, int]]:
    """Group and seed of each trial."""
    return [(RunId.parse(trial.run).group, RunId.parse(trial.run).seed) for trial in sweep.trials]


def _known(overviews: Sequence[Mapping[str, Any]], accuracy: str, *states: str) -> list[float]:
    return [each[accuracy] for each in overviews if each["state"] in states and each[accuracy] is not None]


def _told(runs: Sequence[Run]) -> dict[str, Any]:
    spec = next((run.spec for run in runs if run.spec), None)
    fields = flat(spec.model_dump(mode="json", exclude={"seed"})) if spec else {}
    accuracies = {f"test_accuracy.s{seed}": accuracy for seed, accuracy in _accuracies(runs).items()}
    return {**fields, "seeds": [RunId.parse(run.id).seed for run in runs], **accuracies}


def _accuracies(runs: Sequence[Run]) -> dict[int, float]:
    return {
        RunId.parse(run.id).seed: run.result.selected.splits["test"].accuracy
        for run in runs
        if run.result and not run.damage
    }


def _states(states: Sequence[str]) -> str:
    """done, or 2 done, 1 diverged"""
    counts = Counter(states)
    return states[0] if len(states) == 1 else ", ".join(f"{count} {state}" for state, count in counts.items())
