"""`vitreport train`: train one spec."""

import shlex
import sys
from typing import Annotated

import vitreport
from vitreport.analysis.runs import measured_accuracy
from vitreport.cli import options
from vitreport.cli.console import note, print_json, print_text
from vitreport.cli.live import TrainingView
from vitreport.cli.options import flag, option
from vitreport.cli.tables.plans import note_origins, show_plan
from vitreport.data.registry import is_altered
from vitreport.formatting import duration, percent
from vitreport.runtime import default_data_dir


@options.grouped
def train(
    wanted: options.SpecOptions,
    training: options.TrainingOptions,
    seed: Annotated[int | None, option("Set seed (default: from the spec).", "N", panel=options.SPEC)] = None,
    dry_run: options.DryRun = False,
    force: Annotated[bool, flag("--force", "Train again, in a new directory, if the run is done.")] = False,
    quiet: options.Quiet = False,
    verbose: Annotated[bool, flag("--verbose", "Also show the source of each value and of the images.", "-v")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a model and record the run.

    Run the same command again to resume an interrupted run.

    Example:
        vitreport train perceiver-io --dataset digits
        vitreport train --spec my.toml --set lr=1e-3 --epochs 5
    """
    composed = wanted.compose(training.data_dirs, training.weights, seed=seed)
    runtime = training.runtime(data_dir=composed.data_dir)
    if dry_run:
        show_plan(composed, runtime, as_json=as_json)
        return
    if verbose:
        note_origins(composed, runtime)
    with TrainingView(quiet=quiet) as view:
        run = vitreport.train(composed.spec, runtime, force=force, listener=view, argv=sys.argv[1:])
    assert run.record
    assert run.result
    if not quiet:
        result, data = run.result, run.record.data
        by = "best validation accuracy" if result.selection == "val" else "the last one"
        time = duration(run.record.seconds)
        note(f"finished in {time}; the weights are those of epoch {result.selected.epoch} ({by})")
        note(f"{'':<8}{'loss':>8}    accuracy")
        for name, split in result.selected.splits.items():
            accuracy = measured_accuracy(split).in_percent(2) if name == "test" else percent(split.accuracy)
            note(f"{name:<8}{split.loss:>8.4f}    {accuracy}")
        if is_altered(composed.spec.data.dataset, canonical=data.canonical):
            digest = data.fingerprint[:12]
            note(f"these are not the canonical bytes of the dataset: {data.source}, fingerprint {digest}")
        place = ["--data-dir", str(runtime.data_dir)] if runtime.data_dir != default_data_dir() else []
        note(f"next: {shlex.join(['vitreport', 'eval', str(run.folder), *place])}")
    if as_json:
        print_json({"id": run.id, "folder": str(run.folder), **run.result.model_dump(mode="json")})
    else:
        print_text(str(run.folder))
