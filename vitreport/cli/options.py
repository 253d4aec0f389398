"""The options that several commands share, in groups: a command takes a whole group as one parameter."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitreport.cli import completion
from vitreport.data.sources import facts_in
from vitreport.errors import SpecError
from vitreport.runtime import (
    BATCH_NORM,
    CHECKPOINT_SECONDS,
    COMPILE,
    CUDA_GRAPHS,
    DATA_DIR,
    DEVICE,
    ENGINE,
    ENGINE_OPTION,
    GPUS,
    RUNS_DIR,
    THREADS,
    TRIALS_PER_JOB,
    Runtime,
    RuntimeOption,
)
from vitreport.spec.compose import Composed, Request, compose_request
from vitreport.spec.engine import EngineSpec, read_engine
from vitreport.spec.sweep import DEFAULT_SEEDS

SPEC, SWEEP, RUNTIME = "Spec", "Sweep", "Runtime (not part of the spec)"


def option(
    help_: str,
    metavar: str | None = None,
    *names: str,
    panel: str | None = None,
    least: Any = None,
    complete: completion.Complete | None = None,
) -> Any:
    """Return an option that takes a value."""
    return typer.Option(*names, help=help_, metavar=metavar, rich_help_panel=panel, min=least, autocompletion=complete)


spec_option = partial(option, panel=SPEC)


def flag(name: str, help_: str, *names: str, panel: str | None = None) -> Any:
    """Return an option that takes no value."""
    return typer.Option(name, *names, help=help_, rich_help_panel=panel)


def argument(help_: str, metavar: str, complete: completion.Complete | None = None) -> Any:
    """Return an argument."""
    return typer.Argument(help=help_, metavar=metavar, autocompletion=complete)


def run_or_group(metavar: str) -> Any:
    """Return the argument that names a run or a group."""
    return argument("Id or directory of a run, or id of a group (without the seed).", metavar, completion.groups)


def check_exclusive(given: Mapping[str, Any]) -> None:
    """Raise SpecError if several of these options are given."""
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        raise SpecError(f"{' and '.join(names)} cannot be used together", "use one of them")


def names_in(only: Sequence[str] | None) -> list[str]:
    """Return the names that `--only` gives, separated by commas or each with its own `--only`."""
    return [name.strip() for names in only or () for name in names.split(",")]


def field_option(content: str, metavar: str, *names: str) -> Any:
    """Return an option that sets a field of the spec."""
    return spec_option(f"{content} (default: from the spec).", metavar, *names)


def assignments(help_: str) -> Any:
    """Return the option --set."""
    return spec_option(help_, "FIELD=VALUE", "--set", complete=completion.assignments)


def _runtime(option: RuntimeOption, metavar: str, least: float | None = None) -> Any:
    return typer.Option(
        option.flag, envvar=option.variable, help=option.help, metavar=metavar, min=least, rich_help_panel=RUNTIME
    )


Dataset = Annotated[
    str | None,
    spec_option("Dataset, or path of an image folder (default: from the spec).", "NAME", complete=completion.datasets),
]
Device = Annotated[str, _runtime(DEVICE, "NAME")]
Threads = Annotated[int | None, _runtime(THREADS, "N", 1)]
DataDirs = Annotated[list[Path] | None, _runtime(DATA_DIR, "DIR")]
RunsDir = Annotated[Path, _runtime(RUNS_DIR, "DIR")]
Gpus = Annotated[int, _runtime(GPUS, "N", 1)]
BatchNorm = Annotated[Literal["local", "synchronized"], _runtime(BATCH_NORM, "KIND")]
RunOrGroup = Annotated[str, run_or_group("RUN")]
Seeds = Annotated[str, option("Number of seeds, a list or a range: 3, 0,1,4 or 0..4.", "SEEDS", panel=SWEEP)]
Only = Annotated[
    list[str] | None,
    option("Runs and ablations of the study: a,b (default: all).", "NAMES", panel=SWEEP, complete=completion.parts),
]
DryRun = Annotated[bool, flag("--dry-run", "Show the runs, time and disk space without training.")]
Quiet = Annotated[bool, flag("--quiet", "Print only warnings and errors.", "-q")]
AsJson = Annotated[bool, flag("--json", "Print JSON to stdout.")]


@dataclass(frozen=True)
class FieldOptions:
    """Options that set fields of a spec."""

    set_: Annotated[list[str] | None, assignments("Set a field, such as batch_size=64; repeat for several.")] = None
    epochs: Annotated[int | None, field_option("Number of epochs", "N")] = None
    batch_size: Annotated[int | None, field_option("Batch size", "N")] = None
    learning_rate: Annotated[float | None, field_option("Learning rate", "RATE", "--learning-rate", "--lr")] = None
    precision: Annotated[str | None, field_option("Precision", "float32|bfloat16")] = None

    @property
    def flags(self) -> dict[str, Any]:
        """The values of the short options by the full paths of their fields."""
        train = {f"train.{name}": getattr(self, name) for name in ("epochs", "batch_size", "precision")}
        return {**train, "optimizer.learning_rate": self.learning_rate}

    @property
    def assignments(self) -> list[str]:
        """All fields as `FIELD=VALUE`."""
        return [*(self.set_ or ()), *(f"{path}={value}" for path, value in self.flags.items() if value is not None)]


@dataclass(frozen=True)
class SpecOptions(FieldOptions):
    """Options that say which spec is meant."""

    model: Annotated[
        str | None, argument("Architecture (see `vitreport models list`), or timm/NAME.", "MODEL", completion.models)
    ] = None
    dataset: Dataset = None
    preset: Annotated[
        str | None,
        spec_option("Preset (default: chosen by model and dataset).", "NAME", complete=completion.presets),
    ] = None
    spec: Annotated[Path | None, spec_option("TOML file, or spec.json of a run (default: none).", "FILE")] = None

    def request(self, weights: Path | None = None, **more: Any) -> Request:
        """Return the request for this spec, with more fields if they are given."""
        given = {**self.flags, **more}
        return Request(self.model, self.dataset, self.preset, self.spec, self.set_ or (), given, weights)

    def compose(self, data_dirs: Sequence[Path] | None, weights: Path | None = None, **more: Any) -> Composed:
        """Return the checked spec."""
        return compose_request(self.request(weights, **more), facts_in(data_dirs))


@dataclass(frozen=True)
class DeviceOptions:
    """Options of a command that computes."""

    device: Device = DEVICE.default
    threads: Threads = THREADS.default
    data_dirs: DataDirs = None
    runs_dir: RunsDir = RUNS_DIR.default

    def runtime(self) -> Runtime:
        """Return the runtime, with the default dataset directory."""
        return Runtime(self.device, runs_dir=self.runs_dir, threads=self.threads)


@dataclass(frozen=True)
class TrainingOptions(DeviceOptions):
    """Options of a command that trains."""

    compile_: Annotated[str, _runtime(COMPILE, "auto|on|off")] = COMPILE.default
    cuda_graphs: Annotated[bool, _runtime(CUDA_GRAPHS, "")] = CUDA_GRAPHS.default
    checkpoint_seconds: Annotated[float, _runtime(CHECKPOINT_SECONDS, "N", 0)] = CHECKPOINT_SECONDS.default
    weights: Annotated[
        Path | None, spec_option("Start from the weights in FILE (default: random weights).", "FILE")
    ] = None

    def runtime(self) -> Runtime:
        """Return the runtime of a training, with the default dataset directory."""
        names = ("cuda_graphs", "checkpoint_seconds", "weights")
        own = {name: getattr(self, name) for name in names}
        return replace(super().runtime(), compile=self.compile_, **own)


@dataclass(frozen=True)
class SweepOptions(TrainingOptions):
    """Options of a command that trains sweeps."""

    seeds: Seeds = DEFAULT_SEEDS
    jobs: Annotated[
        int, option("Number of jobs (processes or Slurm jobs) to run in parallel.", "N", panel=SWEEP, least=1)
    ] = 1
    jobs_per_gpu: Annotated[int, option("Number of jobs that may share a GPU.", "N", panel=SWEEP, least=1)] = 1
    trials_per_job: Annotated[int, _runtime(TRIALS_PER_JOB, "N", 1)] = TRIALS_PER_JOB.default
    retry_failed: Annotated[
        bool,
        flag("--retry-failed", "Retry runs that failed with an error; diverged runs are never retried.", panel=SWEEP),
    ] = False
    fail_fast: Annotated[bool, flag("--fail-fast", "Stop at the first trial that fails.", panel=SWEEP)] = False
    engine: Annotated[str | None, _runtime(ENGINE, "NAME")] = ENGINE.default
    engine_option: Annotated[list[str] | None, _runtime(ENGINE_OPTION, "NAME=VALUE")] = ENGINE_OPTION.default
    detach: Annotated[
        bool, flag("--detach", "Submit the trials and exit; run the command again to collect them.", panel=SWEEP)
    ] = False
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJson = False

    def engine_spec(self, of_study: EngineSpec | None = None) -> EngineSpec:
        """Return the engine, from the options or from the study. Raises SpecError for unknown ones."""
        return read_engine(self.engine, self.engine_option or (), of_study)

    def runtime_on(self, engine: EngineSpec) -> Runtime:
        """Return the runtime of each trial. Raises SpecError for what the engine or this machine cannot do."""
        from vitreport.sweep.engines.local import threads_per_job, uncompiled_if_shared

        if engine.name == "local":
            threads = threads_per_job(self.jobs, self.device, self.threads, self.jobs_per_gpu)
            return uncompiled_if_shared(replace(self.runtime(), threads=threads, trials_per_job=self.trials_per_job))
        if self.trials_per_job > 1:
            fault = f"{TRIALS_PER_JOB.given_as(self.trials_per_job)} cannot be used with --engine {engine.name}"
            raise SpecError(fault, "leave it out: each Slurm job trains one trial")
        return self.runtime()


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options of each group in place of the parameter that takes the group.

    typer reads the options of a command from its signature.
    """
    parameters = inspect.signature(command).parameters
    groups: dict[str, Any] = {
        name: each.annotation for name, each in parameters.items() if is_dataclass(each.annotation)
    }

    @wraps(command)
    def call(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in fields(group)})
        command(**given)

    flat: list[inspect.Parameter] = []
    for name, each in parameters.items():
        flat += inspect.signature(groups[name]).parameters.values() if name in groups else [each]
    signature = inspect.Signature([each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in flat])
    setattr(call, "__signature__", signature)  # noqa: B010
    return call
