"""Train a run and print its result."""

import shlex
import sys

import vitreport
from vitreport.analysis.runs import measured_accuracy
from vitreport.cli.console import note, print_json, print_text
from vitreport.cli.live import TrainingView
from vitreport.data.registry import is_altered
from vitreport.formatting import duration, percent
from vitreport.runtime import Runtime, default_data_dir
from vitreport.spec.run import RunSpec


def train_and_show(spec: RunSpec, runtime: Runtime, *, force: bool, quiet: bool, as_json: bool) -> None:
    """Train unless it is done. Print a summary to stderr, and the run's folder or JSON to stdout."""
    with TrainingView(quiet=quiet) as view:
        run = vitreport.train(spec, runtime, force=force, listeners=[view], argv=sys.argv[1:])
    record, result = run.record, run.result
    assert record
    assert result
    if not quiet:
        by = "best validation accuracy" if result.selection == "val" else "the last one"
        note(f"finished in {duration(record.seconds)}; the weights are those of epoch {result.selected.epoch} ({by})")
        note(f"{'':<8}{'loss':>8}    accuracy")
        for name, split in result.selected.splits.items():
            accuracy = measured_accuracy(split).in_percent(2) if name == "test" else percent(split.accuracy)
            note(f"{name:<8}{split.loss:>8.4f}    {accuracy}")
        data = record.data
        if is_altered(spec.data.dataset, canonical=data.canonical):
            digest = data.fingerprint[:12]
            note(f"these are not the canonical bytes of the dataset: {data.source}, fingerprint {digest}")
        place = ["--data-dir", str(runtime.data_dir)] if runtime.data_dir != default_data_dir() else []
        note(f"next: {shlex.join(['vitreport', 'eval', str(run.folder), *place])}")
    if as_json:
        print_json({"id": run.id, "folder": str(run.folder), **result.model_dump(mode="json")})
    else:
        print_text(str(run.folder))
