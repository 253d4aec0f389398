"""Running a spec and showing what came out."""

import shlex
import sys

import vitreport
from vitreport.analysis.runs import measured_accuracy
from vitreport.cli.console import note, print_json, print_text
from vitreport.cli.live.training import choose_view
from vitreport.data.registry import is_altered
from vitreport.formatting import duration, percent
from vitreport.records.measurement import ResultRecord
from vitreport.records.reader import Run
from vitreport.records.run import RunRecord
from vitreport.runtime import Runtime, default_data_dir
from vitreport.spec.run import RunSpec


def train_and_show(spec: RunSpec, runtime: Runtime, *, force: bool, quiet: bool, as_json: bool) -> None:
    """Train unless it is done; then the result: a summary on stderr, the run's folder or JSON on stdout."""
    with choose_view(quiet=quiet) as view:
        run = vitreport.train(spec, runtime, force=force, listeners=[view], argv=sys.argv[1:])
    assert run.record
    assert run.result
    if not quiet:
        for line in summary_lines(run.record, run.result):
            note(line)
        data = run.record.data
        if is_altered(spec.data.dataset, canonical=data.canonical):  # images of one's own have no published bytes
            note(
                f"these are not the canonical bytes of the data set: {data.source}, fingerprint {data.fingerprint[:12]}"
            )
        note(f"next: {evaluation_command(run, runtime)}")
    if as_json:
        print_json({"id": run.id, "folder": str(run.folder), **run.result.model_dump(mode="json")})
    else:
        print_text(str(run.folder))


def evaluation_command(run: Run, runtime: Runtime) -> str:
    """The command that measures the run again, with the folders that it needs."""
    parts = ["vitreport", "eval", str(run.folder)]
    if runtime.data_dir != default_data_dir():
        parts += ["--data-dir", str(runtime.data_dir)]
    return shlex.join(parts)


def summary_lines(record: RunRecord, result: ResultRecord) -> list[str]:
    """What a finished run has come to, with the uncertainty of one run over its test images."""
    by = "best validation accuracy" if result.selection == "val" else "the last one"
    lines = [
        f"finished in {duration(record.seconds)}; the weights are those of epoch {result.selected.epoch} ({by})",
        f"{'':<8}{'loss':>8}    accuracy",
    ]
    for name, split in result.selected.splits.items():
        accuracy = measured_accuracy(split).in_percent(2) if name == "test" else percent(split.accuracy)
        lines.append(f"{name:<8}{split.loss:>8.4f}    {accuracy}")
    return lines
