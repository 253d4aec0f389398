"""From a spec and images to everything that a run needs before its first step."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vitreport.data.arrays import ImageArrays, ImageFacts, Split
from vitreport.data.batches import ImageSet, TrainingBatches, own_positions
from vitreport.data.splits import limited, split_hash, validation_split
from vitreport.errors import DatasetError, Problem, raise_problems
from vitreport.models.cost import measure_cost
from vitreport.models.memory_format import place_network
from vitreport.models.registry import build_model
from vitreport.models.timm import timm_errors
from vitreport.records.run import DataRecord, NetworkCost
from vitreport.spec.data import CHANNELS
from vitreport.spec.run import RunSpec
from vitreport.training import parallel
from vitreport.training.device import autocast, determinism_errors
from vitreport.training.loop import TrainingState
from vitreport.training.optimizers import build_optimizer, learning_rate_at

CHANNEL_STATISTICS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "inception": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "cifar": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""Mean and deviation of red, green and blue where they are not those of the dataset."""


@dataclass(frozen=True)
class Setup:
    """Everything that a run needs before its first step.

    `splits` holds "train", "test" and, if images are held out, "val"; `learning_rate(step)` counts from 0.
    """

    state: TrainingState
    splits: Mapping[str, ImageSet]
    batches: TrainingBatches
    learning_rate: Callable[[int], float]
    split_hash: str


def build_network(spec: RunSpec) -> nn.Module:
    """Build the fresh network of a run, on the CPU. Raises SpecError if it cannot be built."""
    data = spec.data
    return build_model(spec.model, image_size=data.image_size, num_classes=data.num_classes, seed=spec.seed)


def place_model(spec: RunSpec, device: torch.device) -> tuple[nn.Module, NetworkCost]:
    """Build the fresh network of a spec on a device, and measure what it costs there at the spec's precision."""
    model = place_network(build_network(spec), device)
    with autocast(device, spec.train.precision), timm_errors(spec.model, "be trained with these settings"):
        find_determinism(model, spec.data.image_size)
        return model, measure_cost(model, spec.data.image_size)


def find_determinism(model: nn.Module, image_size: int) -> None:
    """Try a step with deterministic operations only, and allow others if the network needs them."""
    if torch.are_deterministic_algorithms_enabled():
        images = torch.zeros(2, CHANNELS, image_size, image_size, device=next(model.parameters()).device)
        with determinism_errors():
            deepcopy(model).train()(images).sum().backward()


def prepare(spec: RunSpec, model: nn.Module, arrays: ImageArrays) -> Setup:
    """Make the optimizer of a model, and the splits on its device. Raises SpecError if they do not fit the spec."""
    device = next(model.parameters()).device
    train, val = split_indices(spec, arrays)
    problems = class_problems(spec, len(arrays.classes)) + lone_image_problems(spec, model, len(train))
    raise_problems(problems + idle_process_problems(spec, model, len(train)))
    chosen = {"train": train, "val": val, "test": np.arange(len(arrays.splits["test"].labels))}
    splits = {name: place_split(spec, arrays, device, name, index) for name, index in chosen.items() if len(index)}
    place = parallel.rank(), parallel.world_size()
    batches = TrainingBatches(splits["train"], spec.data, spec.train.batch_size, spec.seed, *place)
    return Setup(
        state=TrainingState(model, build_optimizer(spec.optimizer, model.parameters())),
        splits=splits,
        batches=batches,
        learning_rate=partial(learning_rate_at, spec=spec, steps_per_epoch=batches.steps_per_epoch),
        split_hash=split_hash(train, val),
    )


def class_problems(spec: RunSpec, classes: int) -> list[Problem]:
    """Return a problem if a dataset with so many classes does not fit the spec."""
    fault, given = f"{spec.data.dataset} has {classes} classes", spec.data.num_classes
    return [Problem("data.num_classes", fault, "leave it out", str(given))] if given != classes else []


def lone_image_problems(spec: RunSpec, model: nn.Module, training_images: int) -> list[Problem]:
    """Return what is wrong with a batch of one image, where there is one: batch normalization may need more values."""
    batch_size, size, world_size = spec.train.batch_size, spec.data.image_size, parallel.world_size()
    owned = (own_positions(training_images, batch_size, rank, world_size) for rank in range(world_size))
    if all((np.bincount(positions // batch_size) != 1).all() for positions in owned):
        return []
    try:
        device = next(model.parameters()).device
        deepcopy(model).train()(torch.zeros(1, CHANNELS, size, size, device=device))
    except ValueError:
        left = f"leaves a last batch of one of the {training_images} training images"
        if world_size > 1:
            left = f"gives one of {world_size} processes a single image of a batch ({training_images} training images)"
        fault = f"{left if batch_size > 1 else 'is one image'}, too few to normalize over"
        return [Problem("train.batch_size", fault, "choose another batch size", str(batch_size))]
    return []


def idle_process_problems(spec: RunSpec, model: nn.Module, training_images: int) -> list[Problem]:
    """Return what is wrong with a batch that has no image for one of several processes that normalize it together.

    A process without images takes black ones, whose statistics would count.
    """
    batch_size, world_size = spec.train.batch_size, parallel.world_size()
    last = training_images % batch_size or batch_size
    has_enough = all(len(own_positions(last, batch_size, rank, world_size)) for rank in range(world_size))
    if has_enough or not any(isinstance(module, nn.SyncBatchNorm) for module in model.modules()):
        return []
    fault = f"leaves a last batch of {last}, too few for {world_size} processes that normalize together"
    return [Problem("train.batch_size", fault, "choose another batch size", str(batch_size))]


def split_indices(spec: RunSpec, arrays: ImageArrays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which images are trained on and which choose the epoch. Raises DatasetError if there are too few."""
    labels, classes = arrays.splits["train"].labels, arrays.classes
    kept = np.arange(len(labels))
    if spec.data.limit is not None:
        kept = limited(labels, spec.data.limit, spec.seed, classes)
    if spec.data.validation == "folder":
        return kept, np.arange(len(_source(spec, arrays, "val").labels))
    train, val = validation_split(labels[kept], spec.data.validation_fraction, spec.seed, classes)
    return kept[train], kept[val]


def channel_statistics(spec: RunSpec, images: ImageFacts | DataRecord) -> tuple[Sequence[float], Sequence[float]]:
    """Return the means and standard deviations of the channels by which a spec normalizes these images."""
    return CHANNEL_STATISTICS.get(spec.data.normalization, (images.mean, images.std))


def class_counts(splits: Mapping[str, ImageSet], classes: int) -> dict[str, tuple[int, ...]]:
    """Count the images of each class, by split."""
    return {name: tuple(np.bincount(split.labels, minlength=classes).tolist()) for name, split in splits.items()}


def _source(spec: RunSpec, arrays: ImageArrays, name: str) -> Split:
    """Return the images that a split is chosen from: held-out images are training images."""
    if name == "val" and spec.data.validation == "fraction":
        name = "train"
    if name not in arrays.splits:
        hint = "restore its directory val/, or choose another split"
        raise DatasetError("the dataset has no validation images of its own", hint)
    return arrays.splits[name]


def place_split(
    spec: RunSpec, arrays: ImageArrays, device: torch.device, name: str, chosen: NDArray[np.int64]
) -> ImageSet:
    """Place the chosen images of a split."""
    (images, labels), size = _source(spec, arrays, name), spec.data.image_size
    mean, std = channel_statistics(spec, arrays)
    rows = None if len(chosen) == len(labels) else chosen
    return ImageSet(images, labels[chosen], device=device, image_size=size, mean=mean, std=std, rows=rows)
