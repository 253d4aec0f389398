"""How long runs will take, from records of similar runs or from a few steps on this machine, and how much disk."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapreplace
from operator import eq
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.data.sources import count_images, open_decoded
from vitreport.errors import Problem, SpecError
from vitreport.records.folders import newest_attempt
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import needs_training, state_of, trial_state
from vitreport.sweep.plan import Plan
from vitreport.sweep.record import read_trials

if TYPE_CHECKING:
    from vitreport.training.throughput import MeasuredCost

_parameters: dict[tuple[str, int, int], int] = {}
"""Of each network that was built, by its model, image size and number of classes."""
SAME_IMAGES = ("dataset", "image_size", "limit", "validation_fraction", "validation")


class Expected(NamedTuple):
    """The seconds of a run (None: unknown), where they are from, and its bytes on the disk (0: unknown)."""

    seconds: float | None
    source: str = ""
    disk_bytes: int = 0


Expect = Callable[[RunSpec, Path], Expected]
"""Returns what a run needs with the images in a folder."""
EpochTimes = dict[tuple[object, ...], dict[tuple[object, ...], list[float]]]


@dataclass(frozen=True)
class TrialForecast:
    """A trial of a plan; one that is not `to_train` needs neither time nor disk."""

    run: str
    values: tuple[str, ...]
    seed: int
    state: str
    to_train: bool
    seconds: float | None
    source: str
    disk_bytes: int


def forecast_trials(plan: Plan, runs_dir: Path, expect: Expect, *, retry_failed: bool = False) -> list[TrialForecast]:
    """Return the state of each trial of a plan, and what it needs if it is to be trained."""
    runs, forecasts = read_trials(plan.trials, runs_dir), []
    for trial in plan.trials:
        run = runs.get(trial.id)
        to_train = needs_training(run, retry_failed=retry_failed)
        needs = expect(trial.spec, plan.data_dir) if to_train else Expected(0.0)
        forecasts.append(TrialForecast(trial.id, trial.values, trial.spec.seed, trial_state(run), to_train, *needs))
    return forecasts


def expect_from_records(records: Sequence[Run]) -> Expect:
    """Expect times on the device and with the threads that most of the recorded runs were trained with."""
    done = [run.record for run in records if run.record and run.record.status == "done"]
    count = Counter((record.device, record.fingerprint.get("threads", "")) for record in done)
    device, threads = max(count, key=lambda pair: count[pair], default=("", ""))
    times = epoch_times(records, device)
    return lambda spec, data_dir: Expected(expected_seconds(spec, times, threads), "records")


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
    if problems:
        raise SpecError(problems=problems)


def expect_here(runtime: Runtime, records: Sequence[Run]) -> Expect:
    """Expect times on this machine, from records or else from a few timed steps; specs of one cost are timed once."""
    import torch

    from vitreport.store.checkpoint import disk_bytes
    from vitreport.training.device import choose_device, device_name

    device, threads = device_name(choose_device(runtime.device)), runtime.threads or torch.get_num_threads()
    times, known = epoch_times(records, device), dict[str, Expected]()

    def expect(spec: RunSpec, data_dir: Path) -> Expected:
        parts = (spec.model, spec.data, spec.train)
        key = "".join([*(part.model_dump_json() for part in parts), spec.optimizer.name, str(data_dir)])
        if key not in known:
            seconds = expected_seconds(spec, times, threads)
            if seconds is None:
                run = forecast_run(spec, replace(runtime, data_dir=data_dir))
                known[key] = Expected(run.seconds, "a few steps", run.disk_bytes)
            else:
                known[key] = Expected(seconds, "records", disk_bytes(spec, parameters_of(spec)))
        return known[key]

    return expect


def epoch_times(runs: Iterable[Run], device: str) -> EpochTimes:
    """Return the seconds per epoch of the finished runs on a device, by what they have in common."""
    times: EpochTimes = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if run.spec and run.record and run.record.status == "done" and run.record.device == device:
            traits = _traits(run.spec, run.record.fingerprint.get("threads", ""))
            times[_kind(run.spec)][traits].append(run.record.seconds / run.spec.train.epochs)
    return times


def _kind(spec: RunSpec) -> tuple[object, ...]:
    """Return the architecture and the images: without them in common, times say nothing."""
    return spec.model.label, *(getattr(spec.data, name) for name in SAME_IMAGES)


def _traits(spec: RunSpec, threads: str) -> tuple[object, ...]:
    return spec.model.model_dump_json(), spec.train.batch_size, spec.train.precision, threads


def expected_seconds(spec: RunSpec, times: EpochTimes, threads: int | str) -> float | None:
    """Return the median time per epoch of the most similar runs, times the epochs of the spec.

    Only runs with the same architecture and images count; None without any. Those with the same network, batch size,
    precision and number of threads come first, in this order of importance.
    """
    similar: dict[tuple[bool, ...], list[float]] = defaultdict(list)
    wanted = _traits(spec, str(threads))
    for known, seconds in times.get(_kind(spec), {}).items():
        similar[tuple(map(eq, known, wanted))] += seconds
    return median(similar[max(similar)]) * spec.train.epochs if similar else None


@dataclass(frozen=True)
class RunForecast:
    """What a run costs in total, without compiling; its images are `counted`, or else those that were published."""

    state: str
    measured: "MeasuredCost"
    images: Mapping[str, int]
    counted: bool
    steps: int
    seconds: float
    disk_bytes: int


def forecast_run(spec: RunSpec, runtime: Runtime) -> RunForecast:
    """Count the images, build the network and time some of its steps; nothing is written."""
    from vitreport.store.checkpoint import disk_bytes
    from vitreport.training.throughput import measure_cost_here

    images, counted = _images(spec, runtime)
    train, epochs = spec.train, spec.train.epochs
    measured = measure_cost_here(spec, runtime.device, runtime.threads, training_images=images["train"])
    each_epoch = images.get("val", 0) + images["test"] * train.monitor_test
    at_the_end = sum(images.values()) * (2 if train.selection == "val" else 1)  # with the selected and last weights
    seconds = images["train"] * epochs / measured.training.expected_images_per_second
    seconds += (each_epoch * epochs + at_the_end) / measured.forward.expected_images_per_second
    steps = -(-images["train"] // train.batch_size) * epochs
    folder = newest_attempt(runtime.runs_dir, spec.run_id)
    run = read_run(folder) if folder.exists() else None
    state = f"{state_of(run)}{f', at step {run.record.step:,}' if run.record else ''}" if run else "new"
    disk = disk_bytes(spec, measured.cost.parameters)
    return RunForecast(state, measured, images, counted, steps, seconds, disk)


def _images(spec: RunSpec, runtime: Runtime) -> tuple[dict[str, int], bool]:
    """Return the images of each split, and whether they were counted: decoded, or as files in a folder."""
    data = spec.data
    arrays = open_decoded(ImageRequest.of(data, runtime))
    if arrays:
        counts, counted = {name: len(split.labels) for name, split in arrays.splits.items()}, True
    else:
        counts, counted = count_images(data.dataset, runtime.data_dir), data.dataset not in DATASETS
    train = data.images_to_train_on(counts["train"])
    held_out = min(counts["train"], data.limit or counts["train"]) - train
    val = counts["val"] if data.validation == "folder" else held_out
    return {"train": train, **({"val": val} if val else {}), "test": counts["test"]}, counted


def elapsed_seconds(seconds: Iterable[float], jobs: int) -> float:
    """Return the time from the first run to the last, where each in turn goes to the job that is free first."""
    ends = [0.0] * jobs
    for duration in seconds:
        heapreplace(ends, ends[0] + duration)
    return max(ends)
