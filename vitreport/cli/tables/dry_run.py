"""Print what `--dry-run` of `train` and `ablate` tells: what would be trained, and the time and disk that it needs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.format import spec_rows
from vitreport.cli.tables.cost import cost_rows, plain_cost
from vitreport.errors import DatasetError
from vitreport.formatting import compact, counted, duration
from vitreport.records.folders import run_folders
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.compose import Composed
from vitreport.spec.fields import flat
from vitreport.sweep.forecast import TrialForecast, elapsed_seconds, expect_here, forecast_run, forecast_trials
from vitreport.sweep.networks import check_networks
from vitreport.sweep.plan import Plan
from vitreport.sweep.record import read_trials
from vitreport.sweep.run import Policy, missing_trials


def show_plan(composed: Composed, runtime: Runtime, *, as_json: bool) -> None:
    """Print the resolved spec with the origin of each value, then the time and the disk of the run."""
    run = forecast_run(composed.spec, runtime)
    if as_json:
        plan = {
            "id": composed.spec.run_id,
            "state": run.state,
            **plain_cost(run.measured),
            "images": dict(run.images),
            "counted": run.counted,
            "steps": run.steps,
            "seconds": round(run.seconds, 3),
            "disk_bytes": run.disk_bytes,
            "to_compile": runtime.compile,
        }
        values = composed.spec.model_dump(mode="json")
        print_json({"plan": plan, "spec": values, "origins": _origins(composed)})
        return
    speeds = "the speeds without --compile" if runtime.compile else "these speeds"
    images = ", ".join(f"{count:,} {split}" for split, count in run.images.items())
    print_table(["field", "value", "from"], _rows(composed))
    print_text("")
    rows = [
        ("run", composed.spec.run_id),
        ("state", run.state),
        *cost_rows(run.measured),
        ("images", images if run.counted else f"{images} (as published)"),
        ("steps", f"{run.steps:,}"),
        ("time", f"about {duration(run.seconds)} for the whole run with its evaluations, at {speeds}"),
        ("disk", f"{compact(run.disk_bytes)}B"),
    ]
    print_table(["", ""], rows)


def note_origins(composed: Composed, runtime: Runtime) -> None:
    """Note, for `--verbose`, each value of the spec with its origin and the folders that are used."""
    for path, value, origin in _rows(composed):
        note(f"{path} = {value} ({origin})" if path else f"    {value}")
    folders = {"data sets": runtime.data_dir, "decoded images": runtime.cache_dir, "runs": runtime.runs_dir}
    for name, folder in folders.items():
        note(f"{name} in {folder.absolute()}")


def _origins(composed: Composed) -> dict[str, str]:
    return {path: composed.origins.get(path, "default") for path in flat(composed.spec.model_dump(mode="json"))}


def _rows(composed: Composed) -> list[tuple[str, str, str]]:
    origins = _origins(composed)
    return [(*row, origins.get(row[0], "")) for row in spec_rows(composed.spec.model_dump(mode="json"))]


def show_ablation_plan(
    plans: Sequence[Plan],
    unavailable: Mapping[str, DatasetError],
    runtime: Runtime,
    policy: Policy,
    *,
    jobs: int,
    as_json: bool,
) -> None:
    """Print every trial, then the sums."""
    for error in unavailable.values():
        raise error
    expect = expect_here(runtime, [read_run(folder) for folder in run_folders(runtime.runs_dir)])
    trials = [trial for plan in plans for trial in plan.trials]
    missing = missing_trials(trials, read_trials(trials, runtime.runs_dir), policy)
    check_networks(trial.spec for trial in missing)
    forecasts = [forecast_trials(plan, runtime.runs_dir, expect, retry_failed=policy.retry_failed) for plan in plans]
    if as_json:
        print_json([_plain(plan, of_plan, jobs) for plan, of_plan in zip(plans, forecasts, strict=True)])
        return
    for number, (plan, of_plan) in enumerate(zip(plans, forecasts, strict=True)):
        print_text("\n" * (number > 0) + plan.name)
        columns = [*(axis.name for axis in plan.axes), "seed", "state", "time", "from", "disk", "run"]
        print_table(columns, map(_row, of_plan), right=["time", "disk"])
        print_text(_sums(of_plan, jobs))
        if plan.without_baseline:
            note(f"warning: {plan.without_baseline}")


def _row(trial: TrialForecast) -> list[str]:
    time = duration(trial.seconds) if trial.seconds else ""
    disk = f"{compact(trial.disk_bytes)}B" if trial.disk_bytes else ""
    return [*trial.values, str(trial.seed), trial.state, time, trial.source, disk, trial.run]


def _sums(trials: Sequence[TrialForecast], jobs: int) -> str:
    settled = Counter(trial.state for trial in trials if not trial.to_train)
    counts = ", ".join([counted(len(trials), "trial"), *(f"{count} {state}" for state, count in settled.items())])
    others = len(trials) - settled.total()
    if not others:
        return f"{counts}; nothing is left to train"
    time = f"about {duration(_seconds(trials, jobs))} with {counted(jobs, 'job')}"
    disk = f"{compact(sum(trial.disk_bytes for trial in trials))}B of disk"
    return f"{counts}; the other{f' {others} take' if others > 1 else ' takes'} {time} and {disk}"


def _seconds(trials: Sequence[TrialForecast], jobs: int) -> float:
    return elapsed_seconds((trial.seconds or 0.0 for trial in trials), jobs)


def _plain(plan: Plan, trials: Sequence[TrialForecast], jobs: int) -> dict[str, object]:
    return {
        "id": plan.id,
        "name": plan.name,
        "axes": [axis.name for axis in plan.axes],
        "baseline": plan.values(plan.baseline) if plan.baseline else None,
        "seconds": _seconds(trials, jobs),
        "disk_bytes": sum(trial.disk_bytes for trial in trials),
        "trials": [{**asdict(trial), "values": plan.values(trial.values)} for trial in trials],
    }
