"""Groups of runs as lines of a list and as the sides of a comparison."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from vitreport.analysis.groups import groups_of
from vitreport.analysis.summary import Group, mixed_randomness
from vitreport.cli.console import note
from vitreport.cli.format import TRAIN_AGAIN
from vitreport.cli.tables.records import LIST_COLUMNS, list_row, overview
from vitreport.formatting import Estimate, duration, percent
from vitreport.records.reader import Run
from vitreport.records.sweeps import SweepRecord
from vitreport.run_id import RunId
from vitreport.spec.sweep import called

INDENT = "  "
UNDER_WAY = ("running", "interrupted")
LEGEND = (
    "± is half of a 95% t interval over n seeds, wide for 2; an interval that reaches 0 or 100% is "
    "shown by both ends; seeds that do not vary have none"
)


def group_rows(groups: Sequence[Group], runs: Sequence[Run], sweeps: Sequence[SweepRecord]) -> Iterator[list[str]]:
    """Lines of `runs list`: under the name of each sweep its own runs, then those of none."""
    by_id = {run.id: run for run in runs}
    trial_of = {run.id: RunId.parse(run.id).first_attempt for group in groups for run in group.runs}
    in_sweeps: set[str] = set()
    for sweep in sweeps:
        labels = {RunId.parse(trial.run).group: trial.values for trial in sweep.trials}
        trials = {trial.run for trial in sweep.trials}
        own = {run_id for run_id, trial in trial_of.items() if trial in trials}
        in_sweeps |= own
        if own:
            yield [f"{sweep.name} (sweep {sweep.id.rpartition('-')[2]})", *[""] * (len(LIST_COLUMNS) - 1)]
        order = list(labels)
        for group in sorted(_restricted(groups, own, by_id), key=lambda group: order.index(group.spec_id)):
            name, *others = group_row(group, by_id)
            yield [f"{INDENT}{name} ({called([axis.name for axis in sweep.axes], labels[group.spec_id])})", *others]
    rows = [group_row(group, by_id) for group in _restricted(groups, {*trial_of} - in_sweeps, by_id)]
    yield from sorted([*rows, *(list_row(overview(run)) for run in runs if run.spec is None)])


def _restricted(groups: Iterable[Group], ids: Collection[str], runs: Mapping[str, Run]) -> Iterator[Group]:
    """The groups of these runs only."""
    for group in groups:
        kept = [runs[run.id] for run in group.runs if run.id in ids]
        if len(kept) == len(group.runs):
            yield group
        else:
            yield from groups_of(kept)


def group_row(group: Group, runs: Mapping[str, Run]) -> list[str]:
    """A line as that of a run; of several runs, the means of those that are done.

    Of those under way the best validation accuracies stand apart.
    """
    overviews = [overview(runs[run.id]) for run in group.runs]
    if len(overviews) == 1:
        return list_row(overviews[0])
    seconds = [each["seconds"] for each in overviews if each["seconds"] is not None]
    so_far = [
        percent(each["val_accuracy"]) for each in overviews if each["state"] in UNDER_WAY and each["val_accuracy"]
    ]
    validation = [_mean(group.validation), f"so far {', '.join(so_far)}" if so_far else ""]
    states = Counter(each["state"] for each in overviews)
    return [
        group.id,
        ", ".join(f"{count} {state}" for state, count in states.items()),
        ", ".join(dict.fromkeys(f"{each['epoch']}/{each['epochs'] or '?'}" for each in overviews)),
        "; ".join(filter(None, validation)),
        _mean(group.test),
        duration(sum(seconds)) if seconds else "",
        min((each["started"] for each in overviews if each["started"]), default=""),
    ]


def _mean(estimate: Estimate | None) -> str:
    return "" if estimate is None else percent(estimate.value) if estimate.n == 1 else estimate.in_percent(2)


def warn_mixed(groups: Iterable[Group]) -> None:
    """Warn on stderr of groups whose runs should not be one result."""
    for line in mixed_randomness(groups):
        note(f"warning: {line}; {TRAIN_AGAIN}")


def name_of(runs: Sequence[Run]) -> str:
    """The id of the group, or of the run that stands alone."""
    return runs[0].id if len(runs) == 1 else RunId.parse(runs[0].id).group
