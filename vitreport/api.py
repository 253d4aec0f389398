"""The functions of the Python API; use them from `vitreport`, as in `vitreport.train`.

Each imports what it needs inside, so that one that reads records loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

if TYPE_CHECKING:
    from vitreport.analysis.scope import Analysis
    from vitreport.analysis.summary import Summary
    from vitreport.records.reader import Run
    from vitreport.report.blocks import Format
    from vitreport.runtime import Runtime
    from vitreport.spec.run import RunSpec
    from vitreport.sweep.engines.engine import MakeEngine
    from vitreport.sweep.plan import Plan
    from vitreport.sweep.run import Observer
    from vitreport.sweep.run_plans import Outcome
    from vitreport.training.listener import Listener

Source: TypeAlias = "RunSpec | Mapping[str, Any] | str | Path"
"""A checked spec, or what `read_spec` reads."""


def read_spec(source: Source, *, data_dir: str | Path | None = None) -> RunSpec:
    """Read and check a spec; what it leaves out has its default or follows from the data set.

    Of a data set that is given by its path, a spec keeps the name only. `train` and `ablate` know the folder where they
    read the spec themselves; give them `Runtime(data_dir=...)` with one that was read before. Unlike the commands, this
    reads no environment variables for fields.

    Args:
        source: a TOML file, a run's folder or its `spec.json`, or a dictionary of sections.
        data_dir: the folder to look for data sets in (default: that of downloads).

    Raises:
        SpecError: with every problem of the spec.
        DatasetError: the folder of images cannot be used.

    Example:
        >>> vitreport.read_spec({"model": {"name": "swin"}, "data": {"dataset": "digits"}}).run_id
        'swin-digits-1c1bd1f0-s0'
        >>> spec = vitreport.read_spec("runs/swin-digits-1c1bd1f0-s0")
    """
    from vitreport.runtime import Runtime

    return _resolve(source, Runtime(data_dir=Path(data_dir)) if data_dir else Runtime())[0]


def _resolve(source: Source, runtime: Runtime) -> tuple[RunSpec, Runtime]:
    """Return the checked spec, and the runtime with the folder that holds its data set."""
    from vitreport.data.sources import facts_in
    from vitreport.spec.load import read_spec as read
    from vitreport.spec.run import RunSpec

    if isinstance(source, RunSpec):
        return source, runtime
    composed = read(source, facts_in([runtime.data_dir]))
    return composed.spec, replace(runtime, data_dir=composed.data_dir)


def train(
    spec: Source,
    runtime: Runtime | None = None,
    *,
    force: bool = False,
    listeners: Sequence[Listener] = (),
    argv: Sequence[str] = (),
) -> Run:
    """Train a spec and return its recorded run; a finished run is not trained again, an interrupted one is resumed.

    Args:
        spec: what to train, also as `read_spec` reads it.
        runtime: the device, the folders and the number of threads.
        force: train in a new folder although there is a finished run.
        listeners: objects that receive the events of the training, such as a tracker.
        argv: the words that the record names as the command.

    Raises:
        VitreportError: of the kind that ended the run; see `vitreport.errors`.

    Example:
        >>> run = vitreport.train(spec, vitreport.Runtime(device="cpu", threads=2))
        >>> run.result.selected.splits["test"].accuracy
        0.9722
    """
    from vitreport.errors import RecordError
    from vitreport.records.reader import read_run
    from vitreport.runtime import Runtime
    from vitreport.store.run_state import finished_run
    from vitreport.training.listener import Listeners

    listener = Listeners(listeners)
    spec, runtime = _resolve(spec, runtime or Runtime())
    run = None if force else finished_run(spec, runtime, note=listener.note, progress=listener.progress)
    if run:
        listener.note(f"run {run.id} is done already; --force trains it again in a new folder")
    else:
        from vitreport.store.session import train_run

        run = read_run(train_run(spec, runtime, force=force, argv=argv, listener=listener))
    if run.record is None or run.result is None:
        raise RecordError(f"run {run.id} cannot be read back: {'; '.join(map(str, run.damage))}")
    return run


def ablate(
    spec: Source,
    params: Mapping[str, Sequence[Any]],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    zip: bool = False,  # noqa: A002
    baseline: Sequence[Any] = (),
    runtime: Runtime | None = None,
    engine: MakeEngine | None = None,
    observer: Observer | None = None,
) -> Summary:
    """Train every combination of values with every seed, and return the analysis of the runs.

    Trials that are on record are not trained again. The sweep is put on record beside the runs. The processes that
    train begin by importing the script that calls this: call it under `if __name__ == "__main__":` there.

    Args:
        spec: what is varied, also as `read_spec` reads it; fields that would follow from a varied one stay.
        params: the fields to vary, named as `--set` names them, with their values.
        seeds: the seeds of every combination, from 0 to 2**31 - 1, each once.
        zip: pair the values of all fields side by side instead of making a grid.
        baseline: the values of the combination to compare with (default: those of the spec).
        runtime: the device, the folders and the number of threads.
        engine: makes what trains (default: one process on this machine at a time).
        observer: receives what happens.

    Raises:
        SpecError: with every problem of the spec, the values and the seeds.
        VitreportError: of the kind that ended the sweep; see `vitreport.errors`. A trial that fails ends nothing.

    Example:
        >>> if __name__ == "__main__":
        ...     summary = vitreport.ablate(spec, {"batch_size": [16, 32, 64]})
        ...     print([(level.shown, level.accuracy) for level in summary.ablations[0].levels])
    """
    from vitreport.analysis.analyze import analyze as analyze_all
    from vitreport.analysis.outline import outline_of_sweeps
    from vitreport.data.sources import facts_in
    from vitreport.runtime import Runtime
    from vitreport.spec.sweep import checked_seeds, field_axis, zipped
    from vitreport.sweep.plan import plan_ablation

    make_engine = engine or _local_engine()
    runtime = runtime or Runtime()
    axes = [field_axis(name, values) for name, values in params.items()]
    if zip and axes:
        axes = [zipped(axes)]
    base, place = _resolve(spec, runtime)
    describe = facts_in([place.data_dir, runtime.data_dir])
    plan = plan_ablation(base, axes, checked_seeds(seeds, "seeds"), describe, baseline=baseline)
    runs = _run_plans([plan], runtime, make_engine, observer).runs
    return analyze_all(runs.values(), outline_of_sweeps([plan]))


def run_study(
    study: str | Path,
    *,
    only: Sequence[str] = (),
    seeds: str = "3",
    overrides: Sequence[str] = (),
    runtime: Runtime | None = None,
    engine: MakeEngine | None = None,
    observer: Observer | None = None,
) -> Analysis:
    """Train what is missing of a study, and return its analysis with its published claims.

    The processes that train begin by importing the script that calls this: call it under
    `if __name__ == "__main__":` there.

    Args:
        study: a study by its name, or its TOML file.
        only: its runs and ablations by name (default: all).
        seeds: as `--seeds` takes them.
        overrides: `FIELD=VALUE`, as `--set` takes them.
        runtime: the device, the folders and the number of threads.
        engine: makes what trains (default: one process on this machine at a time).
        observer: receives what happens.

    Raises:
        VitreportError: of the kind that ended the sweep; see `vitreport.errors`. A trial that fails ends nothing.

    Example:
        >>> if __name__ == "__main__":
        ...     print(vitreport.run_study("digits", seeds="1").summary.groups)
    """
    from vitreport.analysis.scope import analyze_study
    from vitreport.data.sources import facts_in
    from vitreport.runtime import Runtime
    from vitreport.sweep.studies import StudyRequest, plan_study

    make_engine = engine or _local_engine()
    runtime = runtime or Runtime()
    asked, describe = StudyRequest(str(study), only, seeds, overrides), facts_in([runtime.data_dir])
    planned = plan_study(asked, describe)
    _run_plans(list(planned.plans.values()), runtime, make_engine, observer).refuse_left_out()
    return analyze_study(asked, runtime.runs_dir, describe)


def _local_engine() -> MakeEngine:
    from vitreport.sweep.engines.local import LocalEngine, end_if_reimported

    end_if_reimported()  # before anything is planned
    return lambda runtime, note: LocalEngine(1, runtime, note)


def _run_plans(plans: Sequence[Plan], runtime: Runtime, make_engine: MakeEngine, observer: Observer | None) -> Outcome:
    from contextlib import nullcontext

    from vitreport.sweep.run import Observer
    from vitreport.sweep.run_plans import run_plans

    observer = observer or Observer()
    return run_plans(plans, runtime, make_engine, observe=lambda plan: nullcontext(observer), note=observer.note)


def load_runs(runs_dir: str | Path = "runs") -> list[Run]:
    """Read the record of every run in a folder, by name.

    A file that cannot be read is named in the run's `damage`; the fields that it holds are None.

    Args:
        runs_dir: the folder that `--runs-dir` names.

    Raises:
        SpecError: there is no such folder.

    Example:
        >>> [run.id for run in vitreport.load_runs()]
        ['perceiver-io-digits-a97be4a1-s0', 'perceiver-io-digits-a97be4a1-s1']
    """
    from vitreport.errors import SpecError
    from vitreport.records.folders import run_folders
    from vitreport.records.reader import read_run

    if not Path(runs_dir).is_dir():
        raise SpecError(f"there is no folder {runs_dir}")
    return [read_run(folder) for folder in run_folders(Path(runs_dir))]


def analyze(runs: Iterable[Run]) -> Summary:
    """Return everything that a report shows of these runs, as plain data.

    Runs that differ by their seed alone are one group; groups, ablations and architectures are compared with 95%
    confidence intervals. Sweeps whose records lie beside the runs, and whose trained runs are all among them, say
    what was varied and what the baseline is.

    Args:
        runs: as `load_runs` returns them, or some of them.

    Example:
        >>> summary = vitreport.analyze(vitreport.load_runs())
        >>> [(group.id, group.test) for group in summary.groups]
    """
    from vitreport.analysis.scope import analyze_with_sweeps

    return analyze_with_sweeps(list(runs))


def render(
    analysis: Summary | Analysis,
    format: Format = "markdown",  # noqa: A002
    *,
    title: str | None = None,
) -> str:
    """Return a report in one of the formats of `vitreport report`; Markdown has no figures.

    Args:
        analysis: as `analyze` or `run_study` returns it.
        format: "model-card" is for the runs of one group.
        title: the heading (default: that of the study, or a general one).

    Raises:
        SpecError: there is no such format, or no model card of these runs.

    Example:
        >>> Path("report.html").write_text(vitreport.render(vitreport.analyze(runs), "html"), encoding="utf-8")
    """
    from vitreport.analysis.scope import Analysis
    from vitreport.errors import SpecError
    from vitreport.report.blocks import Format
    from vitreport.report.page import TITLE, make_page
    from vitreport.report.render import render as render_page

    if format not in get_args(Format):
        raise SpecError(f"unknown format {format!r}", f"use one of {', '.join(get_args(Format))}")
    known = analysis if isinstance(analysis, Analysis) else Analysis(analysis)
    return render_page(make_page(known.summary, known.claims, title or known.title or TITLE), format, title=title)
