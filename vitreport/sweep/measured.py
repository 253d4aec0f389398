"""How long runs will take, from a few steps on this machine, and the disk that they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.data.sources import count_images, open_decoded
from vitreport.records.folders import newest_attempt
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import disk_bytes
from vitreport.store.run_state import state_of
from vitreport.sweep.checks import Networks
from vitreport.sweep.expected import Expected, expected_seconds
from vitreport.training.device import choose_device, device_name
from vitreport.training.throughput import MeasuredCost, measure_cost_here


@dataclass(frozen=True)
class RunForecast:
    """What a run costs, before any image is trained on.

    Attributes:
        id: The run's id.
        state: Its state, and the step that it is at.
        measured: The cost of its network and its speed.
        images: The images of each split.
        counted: Whether they were counted; otherwise they are published numbers.
        steps: All steps of the training.
        seconds: The time of the whole run at the speeds of the network without compiling.
        disk_bytes: What stays on the disk.
        to_compile: Whether the network will be compiled.
    """

    id: str
    state: str
    measured: MeasuredCost
    images: Mapping[str, int]
    counted: bool
    steps: int
    seconds: float
    disk_bytes: int
    to_compile: bool


def forecast_run(spec: RunSpec, runtime: Runtime) -> RunForecast:
    """Count the images, build the network and time some of its steps; nothing is written."""
    images, counted = _images(spec, runtime)
    measured = measure_cost_here(spec, runtime.device, runtime.threads, training_images=images["train"])
    folder = newest_attempt(runtime.runs_dir, spec.run_id)
    run = read_run(folder) if folder.exists() else None
    return RunForecast(
        id=spec.run_id,
        state="new" if run is None else f"{state_of(run)}{f', at step {run.record.step:,}' if run.record else ''}",
        measured=measured,
        images=images,
        counted=counted,
        steps=-(-images["train"] // spec.train.batch_size) * spec.train.epochs,
        seconds=_seconds(spec, images, measured),
        disk_bytes=disk_bytes(spec, measured.cost.parameters),
        to_compile=runtime.compile,
    )


class Estimator:
    """Tells the time and the disk of a spec, from records if there are any, else from a few timed steps.

    Specs that cost the same are measured once.
    """

    def __init__(self, runtime: Runtime, records: Sequence[Run]) -> None:
        self._runtime, self._records = runtime, records
        self._device = device_name(choose_device(runtime.device))
        self._threads = runtime.threads or torch.get_num_threads()
        self._known: dict[str, Expected] = {}
        self.networks = Networks()

    def __call__(self, spec: RunSpec, data_dir: Path) -> Expected:
        parts = (spec.model, spec.data, spec.train)
        key = "".join([*(part.model_dump_json() for part in parts), spec.optimizer.name, str(data_dir)])
        if key not in self._known:
            self._known[key] = self._expect(spec, data_dir)
        return self._known[key]

    def _expect(self, spec: RunSpec, data_dir: Path) -> Expected:
        seconds = expected_seconds(spec, self._records, self._device, self._threads)
        if seconds is not None:
            return Expected(seconds, "records", disk_bytes(spec, self.networks.parameters(spec)))
        run = forecast_run(spec, replace(self._runtime, data_dir=data_dir))
        return Expected(run.seconds, "a few steps", run.disk_bytes)


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


def _seconds(spec: RunSpec, images: Mapping[str, int], measured: MeasuredCost) -> float:
    """Add up all epochs with their evaluations, then every split with the last and with the selected weights."""
    train = spec.train
    monitored = images.get("val", 0) + (images["test"] if train.monitor_test else 0)
    finally_measured = sum(images.values()) * (2 if train.selection == "val" else 1)
    trained = images["train"] * train.epochs / measured.training.expected_images_per_second
    return trained + (monitored * train.epochs + finally_measured) / measured.forward.expected_images_per_second
