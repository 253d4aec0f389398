"""`vitreport train`: train one spec."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import vitreport
from vitreport.cli import options
from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.live import TrainingView
from vitreport.cli.options import flag, option
from vitreport.cli.records import accuracy_on, flops, spec_rows
from vitreport.data.registry import is_altered
from vitreport.files import output_path
from vitreport.formatting import compact, counted, duration, percent, rate
from vitreport.records.measurement import ResultRecord
from vitreport.records.run import DataRecord, RunRecord
from vitreport.runtime import BATCH_NORM, CUDA_GRAPHS, GPUS, Runtime, default_data_dir, launched
from vitreport.spec.compose import Composed
from vitreport.spec.run import RunSpec
from vitreport.sweep.forecast import RunForecast, forecast_run

if TYPE_CHECKING:
    from vitreport.training.throughput import Rate


@options.grouped
def train(
    wanted: options.SpecOptions,
    training: options.TrainingOptions,
    seed: Annotated[int | None, options.field_option("Random seed", "N")] = None,
    dry_run: options.DryRun = False,
    trace: Annotated[
        Path | None,
        option("Train for a few steps only: print where the time goes and write a trace.", "FILE", "--profile"),
    ] = None,
    gpus: options.Gpus = GPUS.default,
    batch_norm: options.BatchNorm = BATCH_NORM.default,
    force: Annotated[bool, flag("--force", "Train a finished run again, in a new directory.")] = False,
    quiet: options.Quiet = False,
    verbose: Annotated[bool, flag("--verbose", "Also show where each value and the images come from.", "-v")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a model and record the run.

    Run the same command again to resume an interrupted run.

    Example:
        vitreport train perceiver-io --dataset digits
        vitreport train --spec my.toml --set lr=1e-3 --epochs 5
    """
    options.check_exclusive({"--dry-run": dry_run, "--profile": trace})
    options.check_exclusive({"--profile": trace, "--gpus": gpus > 1})
    composed = wanted.compose(training.data_dirs, training.weights, seed=seed)
    runtime = replace(training.runtime(), data_dir=composed.data_dir, batch_norm=batch_norm)
    if gpus > 1 and launched().world_size == 1 and not dry_run:
        from vitreport.training.launch import launch

        sys.exit(launch(gpus, runtime, sys.argv[1:]))
    if launched().rank:  # the first process shows all that there is to see
        if not (dry_run or trace):
            vitreport.train(composed.spec, runtime, force=force, argv=sys.argv[1:])
        return
    if dry_run:
        if gpus > 1:
            note(f"{GPUS.flag} has no effect on a dry run: the time is that of a single process")
        show_plan(composed, runtime, as_json=as_json)
        return
    if trace:
        show_profile(composed.spec, runtime, trace, quiet=quiet, as_json=as_json)
        return
    if verbose:
        _note_origins(composed, runtime)
    with TrainingView(quiet=quiet) as view:
        run = vitreport.train(composed.spec, runtime, force=force, listener=view, argv=sys.argv[1:])
    assert run.record
    assert run.result
    if not quiet:
        _note_result(run.record, run.result)
        _note_altered(composed.spec, run.record.data)
        place = ["--data-dir", str(runtime.data_dir)] if runtime.data_dir != default_data_dir() else []
        note(f"next: {shlex.join(['vitreport', 'eval', str(run.folder), *place])}")
    if as_json:
        print_json({"id": run.id, "folder": run.folder, **dict(run.result)})
    else:
        print_text(str(run.folder))


def _note_origins(composed: Composed, runtime: Runtime) -> None:
    """Note where each value comes from, and where the files are."""
    for path, origin, value in _origins(composed):
        note(f"{path} = {value} ({origin})")
    folders = {"datasets": runtime.data_dir, "decoded images": runtime.cache_dir, "runs": runtime.runs_dir}
    for name, folder in folders.items():
        note(f"{name} in {folder.absolute()}")


def _note_altered(spec: RunSpec, images: DataRecord) -> None:
    """Note whether the images are not the published ones."""
    if is_altered(spec.data.dataset, canonical=images.canonical):
        digest = images.fingerprint[:12]
        note(f"these are not the published images of the dataset: {images.source}, fingerprint {digest}")


def _note_result(record: RunRecord, result: ResultRecord) -> None:
    """Note the time, the best epoch, and the loss and the accuracy on each split."""
    selected, by = result.selected, "best validation accuracy" if result.selection == "val" else "the last one"
    note(f"finished in {duration(record.seconds)}; the weights are those of epoch {selected.epoch} ({by})")
    note(f"{'':<8}{'loss':>8}    accuracy")
    for name, split in selected.splits.items():
        note(f"{name:<8}{split.loss:>8.4f}    {accuracy_on(name, split)}")


def _origins(composed: Composed) -> list[tuple[str, str, str]]:
    """Return each field of a spec, where its value comes from, and the value, which may be long."""
    return [(path, composed.origins.get(path, "default"), value) for path, value in spec_rows(composed.spec)]


def show_plan(composed: Composed, runtime: Runtime, *, as_json: bool) -> None:
    """Print the resolved spec with the origin of each value, then the time and the disk of the run."""
    run = forecast_run(composed.spec, runtime)
    if as_json:
        print_json(_plan_as_json(composed, runtime, run))
        return
    print_table(["field", "from", "value"], _origins(composed))
    print_table(["", ""], [row for row in _plan_rows(composed.spec, runtime, run) if row[1]], gap=True)


def _plan_as_json(composed: Composed, runtime: Runtime, run: RunForecast) -> dict[str, Any]:
    measured = run.measured
    plan = {
        "id": composed.spec.run_id,
        **{name: getattr(run, name) for name in ("state", "images", "steps", "seconds", "disk_bytes")},
        **{name: getattr(measured, name) for name in ("device", "threads", "activation_bytes")},
        **dict(measured.cost),
        "throughput": {"training": measured.training, "forward": measured.forward},
        "to_compile": run.compiling.compiles,
        "compile_reason": run.compiling.reason,
        "cuda_graphs": runtime.cuda_graphs,
    }
    return {"plan": plan, "spec": composed.spec, "origins": {path: origin for path, origin, _ in _origins(composed)}}


def _plan_rows(spec: RunSpec, runtime: Runtime, run: RunForecast) -> list[tuple[str, str]]:
    cost, measured, choice = run.measured.cost, run.measured, run.compiling
    per_image, per_batch = compact(cost.activation_bytes_per_image or 0), compact(measured.activation_bytes)
    unused = ["compiling"] * choice.compiles + [CUDA_GRAPHS.flag] * runtime.cuda_graphs
    at = f"the speed without {' and '.join(unused)}" if unused else "this speed"
    return [
        ("run", spec.run_id),
        ("state", run.state),
        ("parameters", f"{cost.parameters:,}"),
        ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
        ("activations", f"{per_image}B per image, {per_batch}B at batch size {measured.batch_size:,}"),
        ("training", _speed(measured.training)),
        ("forward", _speed(measured.forward)),
        ("measured on", f"{measured.device}, {counted(measured.threads, 'thread')}"),
        ("compile", f"{'yes' if choice.compiles else 'no'}: {choice.reason}"),
        ("images", ", ".join(f"{count:,} {split}" for split, count in run.images.items())),
        ("steps", f"{run.steps:,}"),
        ("time", f"about {duration(run.seconds)} for the whole run including evaluation, at {at}"),
        ("disk", f"{compact(run.disk_bytes)}B"),
    ]


def show_profile(spec: RunSpec, runtime: Runtime, trace: Path, *, quiet: bool, as_json: bool) -> None:
    """Print the seconds and the share of each part of an epoch, the longest first, and what to change."""
    from vitreport.store.profile import profile_run

    file = output_path(trace)
    with TrainingView(quiet=quiet) as view:
        profile = profile_run(spec, runtime, file, view)
    if as_json:
        print_json({**vars(profile), "shares": profile.shares, "hint": profile.hint, "trace": file})
        return
    longest = sorted(profile.seconds, key=lambda name: -profile.seconds[name])
    rows = [(name, f"{profile.seconds[name]:.2f} s", percent(profile.shares[name], 1)) for name in longest]
    print_table(["part", "per epoch", "share"], rows, right=("per epoch", "share"))
    if not quiet:
        note(f"hint: {profile.hint}")
        note(f"open {file} in chrome://tracing or https://ui.perfetto.dev")


def _speed(measured: "Rate") -> str:
    samples = f"median of {measured.samples}" if measured.samples > 1 else "once"
    return f"{rate(measured.images_per_second)} images/s, measured in batches of {measured.batch_size:,} ({samples})"
