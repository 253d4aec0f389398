"""What a model costs on this machine: counted, and measured in a few seconds."""

import os
from dataclasses import asdict, dataclass
from typing import Any

import torch

from vitreport.cli.format import flops
from vitreport.errors import SpecError
from vitreport.formatting import compact, counted, rate
from vitreport.records.run import Cost
from vitreport.spec.run import RunSpec
from vitreport.training.device import (
    choose_device,
    device_name,
    keep_freed_memory,
    make_deterministic,
    memory_errors,
    step_memory_errors,
)
from vitreport.training.setup import lone_image_problems, place_model
from vitreport.training.throughput import Rate, Throughput, measure_throughput

SECONDS = 5.0


@dataclass(frozen=True)
class MeasuredCost:
    """The cost of a spec's model, and its speed on a device with so many threads.

    `load` is how many processes wanted a core in the minute before: where they were more than there are cores, the
    speeds are low.
    """

    batch_size: int
    device: str
    threads: int
    load: float
    cost: Cost
    throughput: Throughput

    @property
    def is_busy(self) -> bool:
        return self.load > (os.cpu_count() or 1)

    @property
    def activation_bytes(self) -> int:
        """Of a whole batch."""
        return (self.cost.activation_bytes_per_image or 0) * self.batch_size

    def as_plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "device": self.device,
            "threads": self.threads,
            "load": self.load,
            **self.cost.model_dump(),
            "activation_bytes": self.activation_bytes,
            "throughput": asdict(self.throughput),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Lines of a table."""
        cost, speeds = self.cost, self.throughput
        return [
            ("parameters", f"{cost.parameters:,}"),
            ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
            *([("not counted", ", ".join(cost.uncounted_operations))] if cost.uncounted_operations else []),
            (
                "activations",
                f"{compact(cost.activation_bytes_per_image or 0)}B per image, "
                f"{compact(self.activation_bytes)}B at batch size {self.batch_size:,}",
            ),
            ("training", _speed(speeds.training)),
            ("forward", _speed(speeds.forward)),
            ("measured on", f"{self.device}, {counted(self.threads, 'thread')}{self._busy()}"),
        ]

    def _busy(self) -> str:
        told = f", beside other work (load {self.load:.1f} on {os.cpu_count()} cores): rough"
        return told if self.is_busy else ""


def _speed(measured: Rate) -> str:
    samples = f"median of {measured.samples}" if measured.samples > 1 else "once"
    told = f"{rate(measured.images_per_second)} images/s in batches of {measured.batch_size:,} ({samples})"
    if measured.expected_images_per_second == measured.images_per_second:
        return told
    return f"{told}; about {rate(measured.expected_images_per_second)} in whole batches"


def measure(spec: RunSpec, device: str, threads: int | None, *, training_images: int | None = None) -> MeasuredCost:
    """Build the network and run some steps on generated images; nothing is written.

    `training_images` is how many a run has, where that is known. Raises SpecError where batches leave the network
    nothing to normalise over, ResourceError where the memory does not suffice.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    place = choose_device(device)
    make_deterministic(place, threads)
    keep_freed_memory()
    with memory_errors("building the model"):
        model, cost = place_model(spec, place)
    if problems := lone_image_problems(spec, model, place, training_images or spec.train.batch_size):
        raise SpecError(problems=problems)
    with step_memory_errors(spec.train.batch_size):
        throughput = measure_throughput(model, spec, place, seconds=SECONDS)
    return MeasuredCost(spec.train.batch_size, device_name(place), torch.get_num_threads(), load, cost, throughput)
