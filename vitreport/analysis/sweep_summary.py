"""From the records of a sweep's trials to the table of its results, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from vitreport.formatting import Estimate
from vitreport.intervals import SHARE, differences_over_seeds, t_interval, wilson_interval
from vitreport.records.measurement import Measurement
from vitreport.records.reader import Run
from vitreport.run_id import RunId
from vitreport.store.state import trial_state
from vitreport.sweep.plan import Labels, Plan

MEASURED = "test"


@dataclass(frozen=True)
class Row:
    """One combination of values over its seeds; `of_seeds` holds their accuracies as fractions of the test images.

    `interval` is the t interval of the mean over seeds, None where these do not vary; of a single run it is Wilson's
    over its test images.
    `diverged` holds for each seed that diverged the accuracy after its last whole epoch and the split that this
    was measured on, None where there was no whole epoch; `missing` counts the seeds without a result. `difference`
    is that of the accuracy from the baseline's, its p Holm's over the table.
    """

    values: Labels
    runs: tuple[str, ...]
    of_seeds: Mapping[int, float]
    mean: float | None
    interval: tuple[float, float] | None
    diverged: tuple[tuple[str, float] | None, ...]
    missing: int
    is_baseline: bool
    difference: Estimate | None = None

    @property
    def accuracies(self) -> tuple[float, ...]:
        return tuple(self.of_seeds.values())

    @property
    def count(self) -> int:
        return len(self.of_seeds)

    @property
    def is_unvarying(self) -> bool:
        """Whether several seeds came to the same accuracy, which tells nothing of how far others would lie apart."""
        return self.count > 1 and self.interval is None


@dataclass(frozen=True)
class Summary:
    """The table of a sweep."""

    id: str
    name: str
    axes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def missing(self) -> int:
        return sum(row.missing for row in self.rows)

    @property
    def baseline(self) -> Row | None:
        return next((row for row in self.rows if row.is_baseline), None)


def summarize(plan: Plan, runs: Mapping[str, Run]) -> Summary:
    """The table of a plan's trials; `runs` maps the ids of their specs to what is on record."""
    groups: dict[Labels, list[str]] = {}
    for trial in plan.trials:
        groups.setdefault(trial.values, []).append(trial.id)
    rows = [
        _row(values, ids, [runs.get(run_id) for run_id in ids], is_baseline=values == plan.baseline)
        for values, ids in groups.items()
    ]
    return Summary(plan.id, plan.name, tuple(axis.name for axis in plan.axes), tuple(_compared(rows)))


def _row(values: Labels, ids: Sequence[str], runs: Sequence[Run | None], *, is_baseline: bool) -> Row:
    states = [trial_state(run) for run in runs]
    measured = {
        RunId.parse(run.id).seed: run.result.selected.splits[MEASURED]
        for run, state in zip(runs, states, strict=True)
        if run and run.result and state == "done"
    }
    diverged = [run for run, state in zip(runs, states, strict=True) if run and state == "diverged"]
    of_seeds = {seed: measurement.accuracy for seed, measurement in measured.items()}
    return Row(
        values=values,
        runs=tuple(ids),
        of_seeds=of_seeds,
        mean=mean(of_seeds.values()) if of_seeds else None,
        interval=_interval(list(measured.values())),
        diverged=tuple(run.last_accuracy for run in diverged),
        missing=len(ids) - len(measured) - len(diverged),
        is_baseline=is_baseline,
    )


def _interval(measured: Sequence[Measurement]) -> tuple[float, float] | None:
    if not measured:
        return None
    if len(measured) == 1:
        return wilson_interval(measured[0].correct, measured[0].count)
    return t_interval([measurement.accuracy for measurement in measured], possible=SHARE)


def _compared(rows: Sequence[Row]) -> list[Row]:
    """Every row with its difference from the baseline, where both have two seeds at least and none diverged."""
    of_seeds = [row.of_seeds if is_comparable(row) else {} for row in rows]
    baseline = next((seeds for row, seeds in zip(rows, of_seeds, strict=True) if row.is_baseline), None)
    found = differences_over_seeds(of_seeds, baseline)
    return [replace(row, difference=difference) for row, difference in zip(rows, found, strict=True)]


def is_comparable(row: Row) -> bool:
    """The mean of those seeds that did not diverge is not that of the value."""
    return row.count > 1 and not row.diverged
