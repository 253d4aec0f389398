"""Specs and plans as tables: each value with its origin, and the time and disk that training needs."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vitreport.analysis.power import foreseen
from vitreport.cli.console import note, print_json, print_sentence, print_table, print_text
from vitreport.cli.options import SweepOptions
from vitreport.formatting import compact, counted, duration, rate, toml_value
from vitreport.records.folders import run_folders
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.compose import Composed
from vitreport.spec.fields import flat
from vitreport.spec.run import RunSpec
from vitreport.sweep.forecast import (
    TrialForecast,
    check_networks,
    elapsed_seconds,
    expect_here,
    forecast_run,
    forecast_trials,
)
from vitreport.sweep.plan import Plan, read_trials
from vitreport.sweep.run import Policy, missing_trials

if TYPE_CHECKING:
    from vitreport.training.throughput import MeasuredCost, Rate


def spec_rows(spec: RunSpec) -> list[tuple[str, str]]:
    """Return each field of a spec and its value."""
    return [(path, toml_value(value)) for path, value in flat(spec.model_dump(mode="json")).items()]


def origin_rows(composed: Composed) -> list[tuple[str, str, str]]:
    """Return each field of a spec, where its value comes from, and the value, which may be long."""
    return [(path, composed.origins.get(path, "default"), value) for path, value in spec_rows(composed.spec)]


def note_origins(composed: Composed, runtime: Runtime) -> None:
    """Note, for `--verbose`, each value of the spec with its origin and the directories that are used."""
    for path, origin, value in origin_rows(composed):
        note(f"{path} = {value} ({origin})")
    folders = {"datasets": runtime.data_dir, "decoded images": runtime.cache_dir, "runs": runtime.runs_dir}
    for name, folder in folders.items():
        note(f"{name} in {folder.absolute()}")


def show_plan(composed: Composed, runtime: Runtime, *, as_json: bool) -> None:
    """Print the resolved spec with the origin of each value, then the time and the disk of the run."""
    run = forecast_run(composed.spec, runtime)
    if as_json:
        plan = {"id": composed.spec.run_id, **asdict(run), **_plain_cost(run.measured), "to_compile": runtime.compile}
        del plan["measured"]
        origins = {path: origin for path, origin, _ in origin_rows(composed)}
        print_json({"plan": plan, "spec": composed.spec.model_dump(mode="json"), "origins": origins})
        return
    speeds = "the speeds without --compile" if runtime.compile else "these speeds"
    images = ", ".join(f"{count:,} {split}" for split, count in run.images.items())
    print_table(["field", "from", "value"], origin_rows(composed))
    print_text("")
    rows = [
        ("run", composed.spec.run_id),
        ("state", run.state),
        *_cost_rows(run.measured),
        ("images", images if run.counted else f"{images} (as published)"),
        ("steps", f"{run.steps:,}"),
        ("time", f"about {duration(run.seconds)} for the whole run with its evaluations, at {speeds}"),
        ("disk", f"{compact(run.disk_bytes)}B"),
    ]
    print_table(["", ""], rows)


def show_ablation_plan(plan: Plan, options: SweepOptions) -> None:
    """Print every trial, then the sums. Raises SpecError if the network of a missing trial cannot be built."""
    records = [read_run(folder) for folder in run_folders(options.runs_dir)]
    expect = expect_here(options.runtime(), records)
    known = read_trials(plan.trials, options.runs_dir)
    check_networks(trial.spec for trial in missing_trials(plan.trials, known, Policy(options.retry_failed)))
    trials = forecast_trials(plan, options.runs_dir, expect, retry_failed=options.retry_failed)
    seconds = elapsed_seconds((trial.seconds or 0.0 for trial in trials), options.jobs)
    disk_bytes = sum(trial.disk_bytes for trial in trials)
    smallest, shows = foreseen(plan, records)
    if options.as_json:
        about = {"id": plan.id, "name": plan.name, "axes": [axis.name for axis in plan.axes]}
        sums = {"seconds": seconds, "disk_bytes": disk_bytes, "smallest_difference": smallest}
        rows = [{**asdict(trial), "values": plan.values(trial.values)} for trial in trials]
        print_json(about | sums | {"baseline": plan.baseline and plan.values(plan.baseline), "trials": rows})
        return
    print_text(plan.name)
    columns = [*(axis.name for axis in plan.axes), "seed", "state", "time", "from", "disk", "run"]
    print_table(columns, map(_row, trials), right=["time", "disk"])
    if shows:
        print_sentence(shows)
    settled = Counter(trial.state for trial in trials if not trial.to_train)
    counts = ", ".join([counted(len(trials), "trial"), *(f"{count} {state}" for state, count in settled.items())])
    needs = f"{duration(seconds)} with {counted(options.jobs, 'job')} and {compact(disk_bytes)}B of disk"
    is_complete = settled.total() == len(trials)
    print_text(f"{counts}; {'nothing is left to train' if is_complete else f'the rest takes about {needs}'}")
    if plan.without_baseline:
        note(f"warning: {plan.without_baseline}")


def _row(trial: TrialForecast) -> list[str]:
    time = duration(trial.seconds) if trial.seconds else ""
    disk = f"{compact(trial.disk_bytes)}B" if trial.disk_bytes else ""
    return [*trial.values, str(trial.seed), trial.state, time, trial.source, disk, trial.run]


def flops(forward: int, training: int) -> str:
    """Write 55.1M forward, 165M training."""
    return f"{compact(forward)} forward, {compact(training)} training"


def _plain_cost(measured: "MeasuredCost") -> dict[str, Any]:
    about = {name: getattr(measured, name) for name in ("device", "threads", "activation_bytes")}
    speeds = {name: asdict(getattr(measured, name)) for name in ("training", "forward")}
    return about | measured.cost.model_dump() | {"throughput": speeds}


def _cost_rows(measured: "MeasuredCost") -> list[tuple[str, str]]:
    cost = measured.cost
    per_image, per_batch = compact(cost.activation_bytes_per_image or 0), compact(measured.activation_bytes)
    return [
        ("parameters", f"{cost.parameters:,}"),
        ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
        *([("not counted", ", ".join(cost.uncounted_operations))] if cost.uncounted_operations else []),
        ("activations", f"{per_image}B per image, {per_batch}B at batch size {measured.batch_size:,}"),
        ("training", _speed(measured.training)),
        ("forward", _speed(measured.forward)),
        ("measured on", f"{measured.device}, {counted(measured.threads, 'thread')}"),
    ]


def _speed(measured: "Rate") -> str:
    samples = f"median of {measured.samples}" if measured.samples > 1 else "once"
    return f"{rate(measured.images_per_second)} images/s, measured in batches of {measured.batch_size:,} ({samples})"
