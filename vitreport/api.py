"""The functions of the Python API; use them from `vitreport`, as in `vitreport.train`.

Only `train`, `load_model` and the processes that `ablate` and `run_study` start load torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vitreport.analysis import selection
from vitreport.analysis.selection import Analysis, analyze  # noqa: F401
from vitreport.analysis.studies import outline_of_sweeps
from vitreport.analysis.summarize import summarize
from vitreport.analysis.summary import Summary
from vitreport.data.sources import facts_in
from vitreport.errors import VitreportError
from vitreport.export.table import epochs_frame, runs_frame  # noqa: F401
from vitreport.records.folders import check_runs_dir, run_folders
from vitreport.records.reader import Run, read_finished, read_run
from vitreport.report.render import render  # noqa: F401
from vitreport.runtime import DEVICE, Runtime
from vitreport.spec import compose, sweep
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import DEFAULT_SEEDS, Seeds
from vitreport.store.run_state import finished_run
from vitreport.sweep.engines.engine import MakeEngine
from vitreport.sweep.observer import Observer, Policy
from vitreport.sweep.plan import Plan, plan_ablation
from vitreport.sweep.run import run_plans
from vitreport.sweep.study_plan import StudyPlan, StudyRequest, plan_study
from vitreport.training.events import Listener

if TYPE_CHECKING:
    from vitreport.inference.classifier import Classifier

Source: TypeAlias = RunSpec | Mapping[str, Any] | str | Path
"""A checked spec, or what `read_spec` reads."""


def read_spec(source: Source, *, data_dir: str | Path | None = None) -> RunSpec:
    """Read and check a spec. Fields that it leaves out have their defaults or follow from the dataset.

    Unlike the commands, this uses no preset. If the dataset is given by its path, the spec keeps only its name: give
    `train` and `ablate` the same source, or `Runtime(data_dir=...)`.

    Args:
        source: A TOML file, the directory of a run or its `spec.json`, or a dictionary of sections.
        data_dir: The directory to look for datasets in (default: the directory of downloads).

    Raises:
        SpecError: With every problem of the spec.
        DatasetError: The image folder cannot be used.

    Example:
        >>> vitreport.read_spec({"model": {"name": "swin"}, "data": {"dataset": "digits"}}).run_id
        'swin-digits-1c1bd1f0-s0'
        >>> spec = vitreport.read_spec("runs/swin-digits-1c1bd1f0-s0")
    """
    return _resolve(source, Runtime(data_dir=Path(data_dir)) if data_dir else Runtime())[0]


def train(
    spec: Source,
    runtime: Runtime | None = None,
    *,
    force: bool = False,
    listener: Listener | None = None,
    argv: Sequence[str] = (),
) -> Run:
    """Train a spec and return its recorded run. A finished run is not trained again; an interrupted one is resumed.

    Args:
        spec: The spec, or anything that `read_spec` reads.
        runtime: The device, the directories and the number of threads.
        force: Train again in a new directory if the run is finished.
        listener: Receives the events of the training, for example to send them to a tracker.
        argv: The words that are recorded as the command.

    Raises:
        VitreportError: If the run ends with an error. `vitreport.errors` has its subclasses.

    Example:
        >>> run = vitreport.train(spec, vitreport.Runtime(device="cpu", threads=2))
        >>> run.result.selected.splits["test"].accuracy
        0.9722
    """
    listener = listener or Listener()
    spec, runtime = _resolve(spec, runtime or Runtime())
    if not force and (run := finished_run(spec, runtime, listener)):
        listener.note(f"run {run.id} is already done; use --force to train it again in a new directory")
        return run
    from vitreport.store.train import train_run

    return read_run(train_run(spec, runtime, force=force, argv=argv, listener=listener))


def ablate(
    spec: Source | Plan,
    params: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: Seeds = DEFAULT_SEEDS,
    zip: bool = False,  # noqa: A002
    baseline: Sequence[Any] = (),
    runtime: Runtime | None = None,
    engine: MakeEngine | None = None,
    observer: Observer | None = None,
    policy: Policy = Policy(),
) -> Summary:
    """Train every combination of values with every seed, and return the analysis of the runs.

    Trials that are done are not trained again. The sweep is recorded in the directory of the runs. Training processes
    first import the script that calls this function. In a script, call it under `if __name__ == "__main__":`.

    Args:
        spec: The spec to vary, or anything that `read_spec` reads. Fields that follow from a varied field stay as
            they are. Or the plan of a sweep, which replaces all arguments up to `baseline`.
        params: The fields to vary, named as in `--set`, with their values.
        seeds: The seeds of every combination: a number of seeds, a list, or a string as in `--seeds`.
        zip: Pair the values of all fields instead of making a grid.
        baseline: The values of the combination to compare with (default: the values in the spec).
        runtime: The device, the directories and the number of threads.
        engine: A function that makes the engine (default: one process on this machine at a time).
        observer: Receives the progress of the sweep.
        policy: What to do after a failure.

    Raises:
        SpecError: With every problem of the spec, the values and the seeds.
        VitreportError: If the whole sweep ends with an error. A trial that fails does not end it.

    Example:
        >>> if __name__ == "__main__":
        ...     summary = vitreport.ablate(spec, {"batch_size": [16, 32, 64]})
        ...     print([(level.shown, level.accuracy) for level in summary.ablations[0].levels])
    """
    runtime, plan = runtime or Runtime(), spec
    if not isinstance(plan, Plan):
        axes = [sweep.field_axis(name, values) for name, values in (params or {}).items()]
        base, own_runtime = _resolve(plan, runtime)
        describe = facts_in([own_runtime.data_dir, runtime.data_dir])
        plan = plan_ablation(base, axes, sweep.read_seeds(seeds), describe, zip_=zip, baseline=baseline)
    runs = run_plans([plan], runtime, engine, policy=policy, observer=observer)
    return summarize(runs.values(), outline_of_sweeps([plan]))


def run_study(
    study: str | Path | StudyPlan,
    *,
    only: Sequence[str] = (),
    seeds: Seeds = DEFAULT_SEEDS,
    overrides: Sequence[str] = (),
    runtime: Runtime | None = None,
    engine: MakeEngine | None = None,
    observer: Observer | None = None,
    policy: Policy = Policy(),
    unusable: dict[str, VitreportError] | None = None,
) -> Analysis:
    """Train the missing runs of a study, and return its analysis with its published claims.

    In a script, call it under `if __name__ == "__main__":`, as `ablate`.

    Args:
        study: The name of a study, its TOML file, or its plan, which replaces all arguments up to `overrides`.
        only: The names of runs and ablations of the study (default: all).
        seeds: The seeds, as in `ablate`.
        overrides: Fields to change in all runs, as `FIELD=VALUE`.
        runtime: The device, the directories and the number of threads.
        engine: A function that makes the engine (default: one process on this machine at a time).
        observer: Receives the progress of the sweeps.
        policy: What to do after a failure.
        unusable: Receives the errors of the parts whose images cannot be used, by name. These parts are then left out.

    Raises:
        VitreportError: If the whole study ends with an error. A trial that fails does not end it.

    Example:
        >>> if __name__ == "__main__":
        ...     print(vitreport.run_study("digits", seeds=1).summary.groups)
    """
    runtime, planned = runtime or Runtime(), study
    if not isinstance(planned, StudyPlan):
        request = StudyRequest(str(planned), only, sweep.seeds_option(seeds), overrides, weights=runtime.weights)
        planned = plan_study(request, facts_in([runtime.data_dir]), unusable)
    plans = list(planned.plans.values())
    run_plans(plans, runtime, engine, policy=policy, observer=observer, unusable=unusable)
    return selection.analyze_study(planned, runtime.runs_dir)


def load_runs(runs_dir: str | Path = "runs") -> list[Run]:
    """Read the record of every run in a directory, sorted by name.

    If a file cannot be read, the `damage` of the run names it, and the fields that come from it are None.

    Raises:
        SpecError: There is no such directory.

    Example:
        >>> [run.id for run in vitreport.load_runs()]
        ['perceiver-io-digits-a97be4a1-s0', 'perceiver-io-digits-a97be4a1-s1']
    """
    check_runs_dir(Path(runs_dir))
    return [read_run(folder) for folder in run_folders(Path(runs_dir))]


def load_model(run: str | Path | Run, runs_dir: str | Path = "runs", *, device: str = DEVICE.default) -> "Classifier":
    """Load a trained model with the weights of its best epoch, as `vitreport eval` does.

    Args:
        run: The id or the directory of a run, or a `Run`. With the id of a group, the model averages the class
            probabilities of all finished seeds. A file from `vitreport export-model` works, too. Load only files that
            you trust, because a .pt2 file can run code.
        runs_dir: The directory of the runs.
        device: "auto", "cpu", "cuda" or "cuda:N". An exported model runs on the CPU only.

    Returns:
        A `torch.nn.Module` in evaluation mode. `model.predict(images)` returns class probabilities, `model(tensor)`
        returns logits, and `model.attention(tensor)` returns attention maps. `model.classes` contains the names of the
        classes. The guide "Use a trained model" describes the images.

    Raises:
        SpecError: If there is no such run, or if `device` is a GPU for an exported model.
        RecordError: If the run has not finished, or if its weights or the file are missing or damaged.

    Example:
        >>> model = vitreport.load_model("perceiver-io-digits-a97be4a1-s0")
        >>> model.predict(["a.png", "b.jpg"]).argmax(1)
        tensor([3, 7])
    """
    if not isinstance(run, Run) and Path(run).is_file():
        from vitreport.inference.export import load_exported

        return load_exported(Path(run), device)
    runs = [run] if isinstance(run, Run) else read_finished(str(run), Path(runs_dir))
    from vitreport.inference.classifier import Classifier

    return Classifier.restore(runs, device)


def analyze_study(
    study: str | Path,
    runs_dir: str | Path = "runs",
    *,
    only: Sequence[str] = (),
    seeds: Seeds | None = None,
    overrides: Sequence[str] = (),
    data_dirs: Sequence[Path] = (),
) -> Analysis:
    """Analyze the recorded runs of a study, with its published claims. Nothing is trained.

    Args:
        study: The name of a study, or its TOML file.
        runs_dir: The directory of the runs.
        only: The names of runs and ablations of the study (default: all).
        seeds: The seeds, as in `ablate` (default: all recorded ones).
        overrides: `FIELD=VALUE` as in `--set`.
        data_dirs: The directories to look for datasets in.

    Raises:
        SpecError: With every problem of the study, or if there is no such directory; only `runs` can be missing.
    """
    check_runs_dir(Path(runs_dir), may_lack_default=True)
    request = StudyRequest(str(study), only, sweep.seeds_option(DEFAULT_SEEDS if seeds is None else seeds), overrides)
    planned = plan_study(request, facts_in(data_dirs))
    return selection.analyze_study(planned, Path(runs_dir), every_seed=seeds is None)


def _resolve(source: Source, runtime: Runtime) -> tuple[RunSpec, Runtime]:
    """Return the checked spec, and the runtime with the directory of its dataset."""
    if isinstance(source, RunSpec):
        return source, runtime
    composed = compose.read_spec(source, facts_in([runtime.data_dir]))
    return composed.spec, replace(runtime, data_dir=composed.data_dir)
