"""How long trials will take, from the records of runs like them. Nothing here needs torch."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace
from pathlib import Path
from statistics import median
from typing import Literal

from vitreport.records.reader import Run
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import needs_training, trial_state
from vitreport.sweep.plan import Plan
from vitreport.sweep.trials import read_trials


@dataclass(frozen=True)
class Expected:
    """What a run needs.

    Attributes:
        seconds: Its time, None where it is not known.
        source: Where the time is from.
        disk_bytes: What stays on the disk; 0 where the network was not built.
    """

    seconds: float | None
    source: Literal["records", "a few steps", ""]
    disk_bytes: int = 0


Expect = Callable[[RunSpec, Path], Expected]
"""Tells what a run needs with the images in a folder."""


@dataclass(frozen=True)
class TrialForecast:
    """A trial of a plan; one that is not `to_train` needs neither time nor disk."""

    run: str
    values: tuple[str, ...]
    seed: int
    state: str
    to_train: bool
    seconds: float | None
    source: str
    disk_bytes: int


def forecast_trials(plan: Plan, runs_dir: Path, expect: Expect, *, retry_failed: bool = False) -> list[TrialForecast]:
    """Return what each trial of a plan needs that is to be trained."""
    runs = read_trials(plan.trials, runs_dir)
    forecasts = []
    for trial in plan.trials:
        run = runs.get(trial.id)
        to_train = needs_training(run, retry_failed=retry_failed)
        needs = expect(trial.spec, plan.data_dir) if to_train else Expected(0.0, "")
        forecasts.append(
            TrialForecast(
                run=trial.id,
                values=trial.values,
                seed=trial.spec.seed,
                state=trial_state(run),
                to_train=to_train,
                seconds=needs.seconds,
                source=needs.source,
                disk_bytes=needs.disk_bytes,
            )
        )
    return forecasts


def expect_from_records(records: Sequence[Run]) -> Expect:
    """Expect times on the device and with the threads that most of the runs on record were trained with."""
    trained_with = Counter(
        (run.record.device, run.record.fingerprint.get("threads", ""))
        for run in records
        if run.record and run.record.status == "done"
    )
    if not trained_with:
        return lambda spec, data_dir: Expected(None, "")
    device, threads = trained_with.most_common(1)[0][0]
    count = int(threads) if threads.isdecimal() else 1
    return lambda spec, data_dir: Expected(expected_seconds(spec, records, device, count), "records")


def expected_seconds(spec: RunSpec, runs: Iterable[Run], device: str, threads: int) -> float | None:
    """Return the median time an epoch of the most similar runs, times the epochs of the spec.

    Runs count that have the same architecture, device and images. Of these the ones with the same network, batch size,
    precision and number of threads count before the others, in this order. None where there is no such run.
    """
    similar: dict[tuple[bool, ...], list[float]] = {}
    for run in runs:
        if not (run.spec and run.record and run.record.status == "done" and run.record.device == device):
            continue
        data = ("dataset", "image_size", "limit", "validation_fraction", "validation")
        same_data = all(getattr(spec.data, name) == getattr(run.spec.data, name) for name in data)
        if same_data and spec.model.label == run.spec.model.label:
            likeness = (
                spec.model == run.spec.model,
                spec.train.batch_size == run.spec.train.batch_size,
                spec.train.precision == run.spec.train.precision,
                run.record.fingerprint.get("threads") == str(threads),
            )
            similar.setdefault(likeness, []).append(run.record.seconds / run.spec.train.epochs)
    return median(similar[max(similar)]) * spec.train.epochs if similar else None


def elapsed_seconds(seconds: Iterable[float], jobs: int) -> float:
    """Return the time from the first run to the last, where each in turn goes to the job that is free first."""
    ends = [0.0] * jobs
    for duration in seconds:
        heapreplace(ends, ends[0] + duration)
    return max(ends)


def remaining_seconds(
    shares: Mapping[str, float], begun: Mapping[str, float], elapsed: float, ended: Collection[str] = ()
) -> float | None:
    """Return the time left of running trials.

    Args:
        shares: How much of each run is done, from 0 to 1.
        begun: How much of it was done at the start.
        elapsed: The seconds since the start.
        ended: The runs that are over, wherever they ended: what was done of them counts, and nothing is left.
    """
    done = sum(share - begun.get(run_id, 0.0) for run_id, share in shares.items())
    left = sum(1 - share for run_id, share in shares.items() if run_id not in ended)
    return elapsed * left / done if done > 0 else None
