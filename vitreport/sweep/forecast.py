"""How long runs will take, from records of runs that cost the same or from a few steps, and how much disk they need."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from vitreport.data.sources import count_images
from vitreport.errors import Problem, SpecError, raise_problems
from vitreport.records.reader import Run
from vitreport.records.run import NetworkCost
from vitreport.runtime import Runtime
from vitreport.spec.data import DataSpec
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import FINISHED_STATES, needs_training, trial_state
from vitreport.sweep.plan import Plan, Trial, read_trials

if TYPE_CHECKING:
    from vitreport.training.compilation import Choice
    from vitreport.training.throughput import MeasuredCost

_parameters: dict[tuple[str, int, int], int] = {}
"""Of each network that was built, by its model, image size and number of classes."""


class Expected(NamedTuple):
    """The seconds of a run, where they are from, its bytes on the disk (0: unknown), and whether it will be compiled.

    None means unknown.
    """

    seconds: float | None
    source: str = ""
    disk_bytes: int = 0
    to_compile: bool | None = None


Expect = Callable[[RunSpec, Path], Expected]
"""Returns what a run needs with the images in a folder."""


@dataclass(frozen=True)
class TrialForecast:
    """A trial of a plan; one that is not `to_train` needs neither time nor disk. See `Expected`."""

    run: str
    values: tuple[str, ...]
    seed: int
    state: str
    to_train: bool
    seconds: float | None
    source: str
    disk_bytes: int
    to_compile: bool | None


def forecast_trials(
    plan: Plan, runs: Mapping[str, Run], expect: Expect, *, retry_failed: bool = False, queued: Mapping[str, str] = {}
) -> list[TrialForecast]:
    """Return the state of each trial of a plan, and what it needs if it is to be trained.

    `runs` has the runs of trials that have one, and `queued` the states of runs with a job in the queue of a cluster.
    """
    forecasts = []
    for trial in plan.trials:
        run = runs.get(trial.id)
        state, to_train = trial_state(run), needs_training(run, retry_failed=retry_failed)
        if state not in FINISHED_STATES:
            state = queued.get(trial.id, state)
        needs = expect(trial.spec, trial.data_dir) if to_train else Expected(0.0)
        forecasts.append(TrialForecast(trial.id, trial.values, trial.spec.seed, state, to_train, *needs))
    return forecasts


def expect_from_records(runs: Iterable[Run], machine: Mapping[str, str] = {}) -> Expect:
    """Expect the median time of finished runs of the same cost with these entries in the fingerprint.

    A run that shared its process with others took longer than alone, so it does not count.
    """
    times: dict[str, list[float]] = defaultdict(list)
    done = [(run.spec, run.record) for run in runs if run.spec and run.record and run.record.status == "done"]
    for spec, record in done:
        # older records do not name the instructions of the processor
        on = {"cpu_capability": machine.get("cpu_capability"), **record.fingerprint, "device": record.device}
        if machine.items() <= on.items() and record.trials_per_job == 1:
            times[_cost(spec)].append(record.seconds)

    def expect(spec: RunSpec, data_dir: Path) -> Expected:
        found = times.get(_cost(spec))
        return Expected(median(found), "records") if found else Expected(None)

    return expect


def _cost(spec: RunSpec) -> str:
    """Return what decides how long a run takes, whatever its seed and its learning rate."""
    return "".join([*(part.model_dump_json() for part in (spec.model, spec.data, spec.train)), spec.optimizer.name])


def parameters_of(spec: RunSpec) -> int:
    """Count the parameters of a network, built once for all specs. Raises SpecError if it cannot be built."""
    from vitreport.models.cost import count_parameters
    from vitreport.training import device, setup

    network = spec.model.model_dump_json(), spec.data.image_size, spec.data.num_classes
    if network not in _parameters:
        with device.memory_errors("building the model"):
            _parameters[network] = count_parameters(setup.build_network(spec))
    return _parameters[network]


def check_networks(specs: Iterable[RunSpec]) -> None:
    """Raise SpecError with what is wrong with any of the networks."""
    problems: list[Problem] = []
    for spec in specs:
        try:
            parameters_of(spec)
        except SpecError as error:
            problems += error.problems_at("model")
    raise_problems(problems)


def expect_here(runtime: Runtime, records: Iterable[Run]) -> Expect:
    """Expect times on this machine, from records or else from a few timed steps; specs of one cost are timed once."""
    import torch

    from vitreport.store.checkpoint import disk_bytes
    from vitreport.training.compilation import check_mode
    from vitreport.training.device import choose_device, cpu_capability, device_name

    check_mode(runtime.compile)
    machine = {
        "device": device_name(choose_device(runtime.device)),
        "cpu_capability": cpu_capability(),
        "threads": str(runtime.threads or torch.get_num_threads()),
    }
    records = list(records)
    recorded, timed = expect_from_records(records, machine), dict[tuple[str, Path], Expected]()
    flops = {
        _cost(run.spec): _training_flops(run.spec, run.record.cost, run.record.data.counts.get("train", 0))
        for run in records
        if run.spec and run.record
    }

    def expect(spec: RunSpec, data_dir: Path) -> Expected:
        known = recorded(spec, data_dir)
        cost = _cost(spec)
        if known.seconds is not None:
            known = known._replace(disk_bytes=disk_bytes(spec, parameters_of(spec)))
        elif (cost, data_dir) in timed:
            known = timed[cost, data_dir]
        else:
            run = forecast_run(spec, replace(runtime, data_dir=data_dir))
            known = timed[cost, data_dir] = Expected(run.seconds, "a few steps", run.disk_bytes)
            flops[cost] = _training_flops(spec, run.measured.cost, run.images["train"])
        return known._replace(to_compile=_choose_compiling(spec, runtime, flops[cost]).compiles)

    return expect


def _training_flops(spec: RunSpec, cost: NetworkCost, images: int) -> int:
    return cost.training_flops_per_image * images * spec.train.epochs


def _choose_compiling(spec: RunSpec, runtime: Runtime, training_flops: int) -> "Choice":
    """Choose as the run will; one that was begun keeps its choice."""
    from vitreport.training.compilation import choose
    from vitreport.training.device import choose_device

    before = read_trials([Trial((), spec)], runtime.runs_dir).get(spec.run_id)
    recorded = before.record.newest("compile") if before and before.record and before.record.step else None
    return choose(runtime.compile, spec, choose_device(runtime.device), training_flops, recorded)


@dataclass(frozen=True)
class RunForecast:
    """What a run costs in total, without compiling."""

    state: str
    measured: "MeasuredCost"
    images: Mapping[str, int]
    steps: int
    seconds: float
    disk_bytes: int
    compiling: "Choice"


def forecast_run(spec: RunSpec, runtime: Runtime) -> RunForecast:
    """Count the images, build the network and time some of its steps; nothing is written."""
    from vitreport.store.checkpoint import disk_bytes
    from vitreport.training.compilation import check_mode
    from vitreport.training.throughput import measure_cost_here

    check_mode(runtime.compile)
    images = _images(spec.data, runtime.data_dir)
    train, epochs = spec.train, spec.train.epochs
    measured = measure_cost_here(spec, runtime.device, runtime.threads, images["train"])
    each_epoch = images.get("val", 0) + images["test"] * train.monitor_test + images["train"] * train.monitor_train
    at_the_end = sum(images.values()) * (2 if train.selection == "val" else 1)  # with the selected and last weights
    seconds = images["train"] * epochs / measured.training.images_per_second
    seconds += (each_epoch * epochs + at_the_end) / measured.forward.images_per_second
    steps = ceil(images["train"] / train.batch_size) * epochs
    before = read_trials([Trial((), spec)], runtime.runs_dir).get(spec.run_id)
    return RunForecast(
        state=trial_state(before),
        measured=measured,
        images=images,
        steps=steps,
        seconds=seconds,
        disk_bytes=disk_bytes(spec, measured.cost.parameters),
        compiling=_choose_compiling(spec, runtime, _training_flops(spec, measured.cost, images["train"])),
    )


def _images(data: DataSpec, data_dir: Path) -> dict[str, int]:
    """Return the number of images of each split: those that were published, or those in a user's own folder."""
    counts = count_images(data.dataset, data_dir)
    kept = min(counts["train"], data.limit or counts["train"])
    held_out = round(data.validation_fraction * kept)
    val = counts["val"] if data.validation == "folder" else held_out
    return {"train": kept - held_out, **({"val": val} if val else {}), "test": counts["test"]}
