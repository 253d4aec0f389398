"""`vitreport ablate --dry-run`: the trials, what is done already, the time and the disk that the others need."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.tables.plan import make_plan as make_run_plan
from vitreport.errors import DatasetError
from vitreport.formatting import compact, counted, duration
from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.space import disk_bytes
from vitreport.store.state import needs_training, trial_state
from vitreport.sweep.check import Networks
from vitreport.sweep.expect import elapsed_seconds, expected_seconds
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.run import Policy
from vitreport.sweep.trials import read_trials
from vitreport.training.device import choose_device, device_name

Estimate = tuple[float, str, int]
"""The seconds that a run will take, what tells them, and its bytes on the disk."""


@dataclass(frozen=True)
class TrialForecast:
    """`source` says what `seconds` is from; a trial that is not `to_train` needs neither time nor disk."""

    run: str
    values: tuple[str, ...]
    seed: int
    state: str
    to_train: bool
    seconds: float
    source: str
    disk_bytes: int


def show_ablation_plan(
    plans: Sequence[Plan],
    unavailable: Mapping[str, DatasetError],
    runtime: Runtime,
    policy: Policy,
    *,
    as_json: bool,
) -> None:
    """Every trial, then the sums, on stdout."""
    for error in unavailable.values():
        raise error
    records = [read_run(folder) for folder in run_folders(runtime.runs_dir)]
    estimator = Estimator(runtime, records)
    runs = {run_id: run for plan in plans for run_id, run in read_trials(plan.trials, runtime.runs_dir).items()}
    missing = (trial for plan in plans for trial in plan.trials if _is_missing(runs.get(trial.id), policy))
    estimator.check(trial.spec for trial in missing)
    told = []
    for plan in plans:
        estimate = partial(estimator, data_dir=plan.data_dir)
        told.append([_trial_plan(trial, runs.get(trial.id), policy, estimate) for trial in plan.trials])
    if as_json:
        print_json([_plain(plan, trials, policy.jobs) for plan, trials in zip(plans, told, strict=True)])
        return
    for number, (plan, trials) in enumerate(zip(plans, told, strict=True)):
        print_text("\n" * (number > 0) + plan.name)
        print_table(
            [*(axis.name for axis in plan.axes), "seed", "state", "time", "from", "disk", "run"],
            [_row(trial) for trial in trials],
            right=["time", "disk"],
        )
        print_text(_sums(trials, policy.jobs))
        if line := plan.without_baseline:
            note(f"warning: {line}")


class Estimator:
    """Time and disk of a spec, once for all that cost the same; steps are timed only where no record tells the time."""

    def __init__(self, runtime: Runtime, records: Sequence[Run]) -> None:
        self._runtime, self._records = runtime, records
        self._device = device_name(choose_device(runtime.device))
        self._threads = runtime.threads or torch.get_num_threads()
        self._networks = Networks()
        self._known: dict[str, Estimate] = {}

    def check(self, specs: Iterable[RunSpec]) -> None:
        """Raises SpecError with what is wrong with any of their networks."""
        self._networks.check(specs)

    def __call__(self, spec: RunSpec, data_dir: Path) -> Estimate:
        parts = (spec.model, spec.data, spec.train)
        alike = "".join([*(part.model_dump_json() for part in parts), spec.optimizer.name, str(data_dir)])
        if alike not in self._known:
            self._known[alike] = self._estimate(spec, data_dir)
        return self._known[alike]

    def _estimate(self, spec: RunSpec, data_dir: Path) -> Estimate:
        recorded = expected_seconds(spec, self._records, self._device, self._threads)
        if recorded is not None:
            return recorded, "records", disk_bytes(spec, self._networks.parameters(spec))
        plan = make_run_plan(spec, replace(self._runtime, data_dir=data_dir))
        return plan.seconds, "a few steps", plan.disk_bytes


def _is_missing(run: Run | None, policy: Policy) -> bool:
    return needs_training(run, retry_failed=policy.retry_failed)


def _trial_plan(
    trial: Trial, run: Run | None, policy: Policy, estimate: Callable[[RunSpec], Estimate]
) -> TrialForecast:
    to_train = _is_missing(run, policy)
    seconds, source, disk = estimate(trial.spec) if to_train else (0.0, "", 0)
    return TrialForecast(trial.id, trial.values, trial.spec.seed, trial_state(run), to_train, seconds, source, disk)


def _row(trial: TrialForecast) -> list[str]:
    time = duration(trial.seconds) if trial.seconds else ""
    disk = f"{compact(trial.disk_bytes)}B" if trial.disk_bytes else ""
    return [*trial.values, str(trial.seed), trial.state, time, trial.source, disk, trial.run]


def _sums(trials: Sequence[TrialForecast], jobs: int) -> str:
    settled = Counter(trial.state for trial in trials if not trial.to_train)
    told = ", ".join([counted(len(trials), "trial"), *(f"{count} {state}" for state, count in settled.items())])
    if settled.total() == len(trials):
        return f"{told}; nothing is left to train"
    others = len(trials) - settled.total()
    time = f"about {duration(_seconds(trials, jobs))} with {counted(jobs, 'job')}"
    disk = f"{compact(sum(trial.disk_bytes for trial in trials))}B of disk"
    return f"{told}; the other{f' {others} take' if others > 1 else ' takes'} {time} and {disk}"


def _seconds(trials: Sequence[TrialForecast], jobs: int) -> float:
    return elapsed_seconds((trial.seconds for trial in trials), jobs)


def _plain(plan: Plan, trials: Sequence[TrialForecast], jobs: int) -> dict[str, object]:
    return {
        "id": plan.id,
        "name": plan.name,
        "axes": [axis.name for axis in plan.axes],
        "baseline": plan.baseline,
        "seconds": _seconds(trials, jobs),
        "disk_bytes": sum(trial.disk_bytes for trial in trials),
        "trials": [asdict(trial) for trial in trials],
    }
