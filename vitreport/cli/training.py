"""Running a spec and showing what came out."""

import sys

from vitreport.cli.console import note, print_json, print_text
from vitreport.cli.format import duration, percent
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.statistics import wilson_interval
from vitreport.store.finished import finished_run
from vitreport.store.reader import Run, read_run
from vitreport.store.record import EpochResult


def train_and_show(spec: RunSpec, runtime: Runtime, *, force: bool, quiet: bool, as_json: bool) -> None:
    """Train unless it is done; then the result: a summary on stderr, the run's folder or JSON on stdout."""
    run = None if force else finished_run(spec, runtime)
    if run:
        note(f"run {run.id} is done already; --force trains it anew beside it")
    else:
        run = _train(spec, runtime, force=force, quiet=quiet)
    if not quiet:
        for line in summary_lines(run):
            note(line)
    if as_json:
        assert run.result is not None
        print_json({"id": run.id, "folder": str(run.folder), **run.result.model_dump(mode="json")})
    else:
        print_text(str(run.folder))


def _train(spec: RunSpec, runtime: Runtime, *, force: bool, quiet: bool) -> Run:
    from vitreport.cli.progress import choose_view
    from vitreport.store.session import Listener, train_run

    with choose_view(quiet=quiet) as view:
        listener = Listener(event=view.event, note=view.note, progress=view.progress)
        view.note(f"training {spec.model.name} on {spec.data.dataset} as {spec.run_id}")
        folder = train_run(spec, runtime, force=force, argv=sys.argv[1:], listener=listener)
    return read_run(folder)


def summary_lines(run: Run) -> list[str]:
    """What a finished run has come to, with the uncertainty of one run over its test images."""
    assert run.record is not None
    assert run.result is not None
    result = run.result
    by = "best validation accuracy" if result.selection == "val" else "the last one"
    return [
        f"finished in {duration(run.record.seconds)}; the weights are those of epoch {result.selected.epoch} ({by})",
        *_split_lines(result.selected),
        *_data_lines(run),
        f"next: vitreport eval {run.id}",
    ]


def _split_lines(selected: EpochResult) -> list[str]:
    lines = [f"{'':<8}{'loss':>8}{'accuracy':>12}"]
    for name, split in selected.splits.items():
        line = f"{name:<8}{split.loss:>8.4f}{percent(split.accuracy):>12}"
        if name == "test":
            low, high = wilson_interval(round(split.accuracy * split.count), split.count)
            line += f"   95% interval {percent(low)} to {percent(high)} (Wilson, {split.count:,} images, a single run)"
        lines.append(line)
    return lines


def _data_lines(run: Run) -> list[str]:
    assert run.record is not None
    data = run.record.data
    if data.canonical:
        return []
    return [f"these are not the canonical bytes of the data set: {data.source}, fingerprint {data.fingerprint[:12]}"]
