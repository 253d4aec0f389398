"""What a network costs and how fast it trains and evaluates, measured on generated images in a few seconds."""

import os
import statistics
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import nn

from vitreport.data.batches import ImageSet, TrainingBatches
from vitreport.data.batches import place as place_images
from vitreport.errors import SpecError
from vitreport.records.run import Cost
from vitreport.spec.data import CHANNELS, DataSpec
from vitreport.spec.run import RunSpec
from vitreport.training.device import (
    choose_device,
    device_name,
    keep_freed_memory,
    make_deterministic,
    memory_errors,
    step_memory_errors,
)
from vitreport.training.evaluate import evaluation_batch_size, predict
from vitreport.training.loop import train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import lone_image_problems, place_model
from vitreport.training.state import fresh_state

SECONDS = 5.0  # of measuring
FEWEST_IMAGES = 2
GROWTH = 4
SAMPLES = 5
STEPS_A_SAMPLE = {"cpu": 1, "cuda": 8}  # a GPU computes one step while the next is prepared

Work = Callable[[ImageSet], object]


@dataclass(frozen=True)
class Rate:
    """Images/s: the median of `samples`, each of one batch of `batch_size` images (on a GPU, of several).

    `expected_images_per_second` is that of the spec's batches: the same where these were measured, otherwise by the
    line through the two largest that were, since a step costs something whatever its size.
    """

    images_per_second: float
    batch_size: int
    samples: int
    expected_images_per_second: float


@dataclass(frozen=True)
class Throughput:
    """`training` covers whole steps (augmentation, forward, backward, update), `forward` batches of an evaluation."""

    training: Rate
    forward: Rate


@dataclass(frozen=True)
class MeasuredCost:
    """The cost of a spec's network, and its speed on a device.

    Attributes:
        batch_size: The batch size of the spec.
        device: The name of the device.
        threads: The CPU threads.
        load: How many processes wanted a core in the minute before; with more than there are cores the speeds are low.
        cost: What is counted.
        throughput: What is measured.
    """

    batch_size: int
    device: str
    threads: int
    load: float
    cost: Cost
    throughput: Throughput

    @property
    def activation_bytes(self) -> int:
        """Return the bytes for a whole batch."""
        return (self.cost.activation_bytes_per_image or 0) * self.batch_size


def measure_cost_here(
    spec: RunSpec, device: str, threads: int | None, *, training_images: int | None = None
) -> MeasuredCost:
    """Build the network and run some steps on generated images; nothing is written.

    Args:
        spec: The spec.
        device: A torch device name or "auto".
        threads: The CPU threads (default: chosen by PyTorch).
        training_images: How many a run has, where that is known.

    Raises:
        SpecError: Batches leave the network nothing to normalise over.
        ResourceError: The memory does not suffice.
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


def measure_throughput(model: nn.Module, spec: RunSpec, device: torch.device, *, seconds: float) -> Throughput:
    """Measure on a copy of the model, which is on `device`, in about `seconds`.

    Batches are as large as the spec's, or as evaluation's, unless those would take longer: then they are smaller.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        copy = deepcopy(model)
        train, evaluate = _training(copy, spec, device), _evaluation(copy, spec)
        evaluated = evaluation_batch_size(device, spec.train, spec.data.image_size)
        return Throughput(
            training=measure_rate(train, spec.data, device, spec.train.batch_size, seconds * 2 / 3),
            forward=measure_rate(evaluate, spec.data, device, evaluated, seconds / 3),
        )


def _training(model: nn.Module, spec: RunSpec, device: torch.device) -> Work:
    """One step of training on a batch of all the images."""
    state = fresh_state(model, build_optimizer(spec.optimizer, model.parameters()), device)

    def step(images: ImageSet) -> None:
        batches = TrainingBatches(images, spec.data, len(images), spec.seed)
        model.train()
        train_step(state, *next(batches.epoch(0)), spec.train, spec.optimizer.learning_rate)

    return step


def _evaluation(model: nn.Module, spec: RunSpec) -> Work:
    return lambda images: predict(model, images, spec.train, before_batch=lambda: None)


def measure_rate(work: Work, data: DataSpec, device: torch.device, batch_size: int, seconds: float) -> Rate:
    """Warm up, grow the batch while a larger one fits into `seconds`, then take samples."""
    deadline = perf_counter() + seconds
    count = min(FEWEST_IMAGES, batch_size)
    _seconds(work, data, device, count)  # the first step of a process takes many times as long as the next
    taken = _seconds(work, data, device, count)
    seconds_an_image: float | None = None
    while count < batch_size:
        larger = min(GROWTH * count, batch_size)
        expected = taken + (larger - count) * (seconds_an_image or 0.0)
        if perf_counter() + STEPS_A_SAMPLE[device.type] * expected > deadline:
            break
        before, taken = taken, _seconds(work, data, device, larger)
        seconds_an_image, count = max(0.0, taken - before) / (larger - count), larger
    samples = [taken]
    while len(samples) < SAMPLES and perf_counter() + taken < deadline:
        samples.append(_seconds(work, data, device, count))
    median = statistics.median(samples)
    whole = median + (batch_size - count) * (median / count if seconds_an_image is None else seconds_an_image)
    return Rate(count / median, count, len(samples), batch_size / whole)


def _seconds(work: Work, data: DataSpec, device: torch.device, count: int) -> float:
    """Of one batch of `count` images, by a clock that waits for the device."""
    images, repeats = _noise(data, count, device), STEPS_A_SAMPLE[device.type]
    _wait(device)
    begun = perf_counter()
    for _ in range(repeats):
        work(images)
    _wait(device)
    return (perf_counter() - begun) / repeats


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _noise(data: DataSpec, count: int, device: torch.device) -> ImageSet:
    """Generated images as they are stored, with labels."""
    random = np.random.default_rng(0)
    size = data.image_size
    return place_images(
        random.integers(0, 256, (count, CHANNELS, size, size), np.uint8),
        random.integers(0, data.num_classes, count, np.int64),
        device=device,
        image_size=size,
        mean=(0.5,) * CHANNELS,
        std=(0.25,) * CHANNELS,
    )
