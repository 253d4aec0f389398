"""What a network costs and how fast it trains and evaluates, measured on generated images in a few seconds."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time, thread_time

import numpy as np
import torch

from vitreport.data.batches import ImageSet, TrainingBatches
from vitreport.errors import raise_problems
from vitreport.records.run import NetworkCost
from vitreport.runtime import usable_cores
from vitreport.spec.data import CHANNELS, DataSpec
from vitreport.spec.run import RunSpec
from vitreport.training import device as devices
from vitreport.training.evaluate import evaluation_batch_size, logits_of
from vitreport.training.loop import TrainingState, train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import lone_image_problems, place_model

SECONDS = 5.0  # of measuring
MIN_IMAGES = 2
GROWTH = 4
SAMPLES = 5
CLOCKS = {"cpu": thread_time, "cuda": perf_counter}
"""On a CPU, the time of this thread, which does not include the time of other programs."""
STEPS_A_SAMPLE = {"cpu": 1, "cuda": 8}  # a GPU computes one step while the next is prepared

Work = Callable[[ImageSet, int], None]


@dataclass(frozen=True)
class Rate:
    """Images/s, by the median of `samples`, each of one batch of `batch_size` images (on a GPU, of several).

    If time did not allow the batches of the spec, the speed is theirs by the line through the two largest measured
    sizes: a step costs something whatever its size.
    """

    images_per_second: float
    batch_size: int
    samples: int


@dataclass(frozen=True)
class MeasuredCost:
    """The cost of a spec's network, and its speed on a device: of whole training steps, and of an evaluation."""

    batch_size: int
    device: str
    threads: int
    cost: NetworkCost
    training: Rate
    forward: Rate

    @property
    def activation_bytes(self) -> int:
        """Return the bytes for a whole batch."""
        return (self.cost.activation_bytes_per_image or 0) * self.batch_size


def measure_cost_here(spec: RunSpec, device_name: str, threads: int | None, training_images: int) -> MeasuredCost:
    """Build the network and run some steps on generated images; a run has `training_images`.

    Raises SpecError if batches leave nothing to normalize over, ResourceError if memory runs out.
    """
    device = devices.choose_device(device_name)
    batch_size = min(spec.train.batch_size, training_images)
    devices.set_up_device(device, threads)
    with devices.memory_errors("building the model"):
        model, cost = place_model(spec, device)
    raise_problems(lone_image_problems(spec, model, training_images))
    state = TrainingState(model, build_optimizer(spec.optimizer, model.parameters()))

    def train(images: ImageSet, size: int) -> None:
        model.train()
        for batch in TrainingBatches(images, spec.data, size, spec.seed).epoch(0):
            train_step(state, *batch, spec.train)

    def evaluate(images: ImageSet, size: int) -> None:
        logits_of(model, images, spec.train, size)

    with devices.memory_errors(f"at train.batch_size = {batch_size}"):
        training = measure_rate(train, spec.data, device, batch_size, SECONDS * 2 / 3)
    evaluated = evaluation_batch_size(device, spec.train, spec.data.image_size)
    forward = measure_rate(evaluate, spec.data, device, evaluated, SECONDS / 3)
    return MeasuredCost(
        batch_size=batch_size,
        device=devices.device_name(device),
        threads=torch.get_num_threads(),
        cost=cost,
        training=training,
        forward=forward,
    )


def measure_rate(work: Work, data: DataSpec, device: torch.device, batch_size: int, seconds: float) -> Rate:
    """Measure `work(images, count)` in batches of `count` images.

    Warm up, grow the batch up to `batch_size` while a larger one fits into `seconds`, then take samples.
    """
    deadline = perf_counter() + seconds
    seconds_of = _stopwatch(work, data, device)
    seconds_of(min(MIN_IMAGES, batch_size))  # the first step of a process takes many times as long as the next
    count, taken, seconds_per_image = _grown_batch(seconds_of, batch_size, STEPS_A_SAMPLE[device.type], deadline)
    samples = [taken]
    while len(samples) < SAMPLES and perf_counter() + taken < deadline:
        samples.append(seconds_of(count))
    median = statistics.median(samples)
    full_batch_seconds = median + (batch_size - count) * (seconds_per_image or median / count)
    return Rate(batch_size / full_batch_seconds, count, len(samples))


def _stopwatch(work: Work, data: DataSpec, device: torch.device) -> Callable[[int], float]:
    """Return a function that measures the seconds of a batch with so many generated images."""
    random = np.random.default_rng(0)
    repeats = STEPS_A_SAMPLE[device.type]
    clock = CLOCKS[device.type]

    def seconds_of(count: int) -> float:
        images = _generated(random, repeats * count, data, device)
        begun, spent = clock(), process_time()
        work(images, count)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        core_seconds = (process_time() - spent) / usable_cores()  # more threads than cores are no faster
        return max(clock() - begun, core_seconds) / repeats

    return seconds_of


def _generated(random: np.random.Generator, count: int, data: DataSpec, device: torch.device) -> ImageSet:
    pixels = random.integers(0, 256, (count, CHANNELS, data.image_size, data.image_size), np.uint8)
    labels = random.integers(0, data.num_classes, count, np.int64)
    mean, std = (0.5,) * CHANNELS, (0.25,) * CHANNELS
    return ImageSet(pixels, labels, device=device, image_size=data.image_size, mean=mean, std=std)


def _grown_batch(
    seconds_of: Callable[[int], float], batch_size: int, repeats: int, deadline: float
) -> tuple[int, float, float]:
    """Grow a batch while a larger one is expected to end before the deadline.

    Return its number of images, its seconds, and those of another image: 0 if only one size was measured.
    """
    count = min(MIN_IMAGES, batch_size)
    taken, seconds_per_image = seconds_of(count), 0.0
    while count < (larger := min(GROWTH * count, batch_size)):
        if perf_counter() + repeats * (taken + (larger - count) * seconds_per_image) > deadline:
            break
        before, taken = taken, seconds_of(larger)
        seconds_per_image = max(0.0, taken - before) / (larger - count)
        count = larger
    return count, taken, seconds_per_image
