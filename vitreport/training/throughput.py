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
    machine = devices.device_name(device), torch.get_num_threads()
    return MeasuredCost(batch_size, *machine, cost, training, forward)


def measure_rate(
    work: Callable[[ImageSet, int], None], data: DataSpec, device: torch.device, batch_size: int, seconds: float
) -> Rate:
    """Measure `work(images, count)` in batches of `count` images.

    Warm up, grow the batch up to `batch_size` while a larger one fits into `seconds`, then take samples.
    """
    deadline, repeats, clock = perf_counter() + seconds, STEPS_A_SAMPLE[device.type], CLOCKS[device.type]
    random, size = np.random.default_rng(0), data.image_size

    def seconds_of(count: int) -> float:
        pixels = random.integers(0, 256, (repeats * count, CHANNELS, size, size), np.uint8)
        labels = random.integers(0, data.num_classes, repeats * count, np.int64)
        mean, std = (0.5,) * CHANNELS, (0.25,) * CHANNELS
        images = ImageSet(pixels, labels, device=device, image_size=size, mean=mean, std=std)
        begun, spent = clock(), process_time()
        work(images, count)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        by_cores = (process_time() - spent) / usable_cores()  # more threads than cores are no faster
        return max(clock() - begun, by_cores) / repeats

    count = min(MIN_IMAGES, batch_size)
    seconds_of(count)  # the first step of a process takes many times as long as the next
    taken, an_image = seconds_of(count), 0.0
    while count < (larger := min(GROWTH * count, batch_size)):
        if perf_counter() + repeats * (taken + (larger - count) * an_image) > deadline:
            break
        before, taken = taken, seconds_of(larger)
        an_image, count = max(0.0, taken - before) / (larger - count), larger
    samples = [taken]
    while len(samples) < SAMPLES and perf_counter() + taken < deadline:
        samples.append(seconds_of(count))
    median = statistics.median(samples)
    whole = median + (batch_size - count) * (an_image or median / count)
    return Rate(batch_size / whole, count, len(samples))
