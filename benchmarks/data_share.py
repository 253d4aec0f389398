"""The share of a training step that the preparation of its images takes, for every preset.

    GOMP_SPINCOUNT=5000 python -m benchmarks.data_share [--most-images 32] [PRESET[:ARCHITECTURE] ...]

The images are generated, with the size in which the dataset stores them, and prepared as in training: in batches of
the preset's size and in the same blocks. The step is measured with at most `--most-images`, as its time for an image
hardly depends on their number. An architecture of timm replaces that of its preset. The variable is what `vitreport`
sets for itself. The figures go to benchmarks/results/data_share.json, which keeps those of other presets.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import results
from benchmarks.models import seconds
from vitreport.data.batches import ImageSet, TrainingBatches
from vitreport.data.registry import DATASETS
from vitreport.data.sources import describe
from vitreport.models.memory_format import place_network
from vitreport.spec.compose import compose
from vitreport.spec.data import CHANNELS
from vitreport.spec.load import layer_of, preset_names, read_preset
from vitreport.spec.run import RunSpec
from vitreport.training.device import choose_device, keep_freed_memory
from vitreport.training.loop import TrainingState, train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import build_network

EPOCHS, MOST_BATCHES, STEPS = 4, 32, 3


def measure(spec: RunSpec, most_images: int, device: torch.device) -> dict[str, Any]:
    """Milliseconds for an image: its preparation and its part of a step."""
    batches = generated_batches(spec, device)
    times = []
    for epoch in range(EPOCHS):
        begun = time.perf_counter()
        for batch in batches.epoch(epoch):
            images, targets = batch
        times.append(time.perf_counter() - begun)
    model = place_network(build_network(spec), device).train()
    state = TrainingState(model, build_optimizer(spec.optimizer, model.parameters()))
    few = min(batches.batch_size, most_images)
    steps = [
        seconds(lambda: train_step(state, images[:few], targets[:few], spec.train), device) for _ in range(1 + STEPS)
    ]
    data, step = median(times[1:]) / len(batches.images), median(steps[1:]) / few
    figures = {"data_ms": 1000 * data, "step_ms": 1000 * step, "share": data / (data + step)}
    rounded = {key: float(f"{value:.3g}") for key, value in figures.items()}
    return rounded | {"batch_size": batches.batch_size, "measured_batch_size": few, "threads": torch.get_num_threads()}


def generated_batches(spec: RunSpec, device: torch.device) -> TrainingBatches:
    """One block of batches, or a part of a large one."""
    size, count, random = spec.data.image_size, spec.train.batch_size, np.random.default_rng(0)
    stored = DATASETS[spec.data.dataset].stored_size

    def batches(images: int) -> TrainingBatches:
        pixels = random.integers(0, 256, (images, CHANNELS, stored, stored), np.uint8)
        labels = random.integers(0, spec.data.num_classes, images, np.int64)
        split = ImageSet(pixels, labels, device=device, image_size=size, mean=(0.5,) * 3, std=(0.25,) * 3)
        return TrainingBatches(split, spec.data, count, spec.seed)

    return batches(count * min(MOST_BATCHES, batches(1).steps_per_block))


def spec_of(name: str) -> RunSpec:
    """The spec of a preset, with another architecture of timm if one is named, without pretrained weights."""
    preset, _, architecture = name.partition(":")
    layers = [read_preset(preset)]
    if "pretrained" in layers[0].values["model"]:
        layers.append(layer_of({"model.pretrained": False}, "benchmark"))
    if architecture:
        layers.append(layer_of({"model.architecture": architecture}, "benchmark"))
    return compose(layers, lambda dataset, size: describe(dataset, [Path()], size)).spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=preset_names(), metavar="PRESET")
    parser.add_argument("--most-images", type=int, default=32)
    given = parser.parse_args()
    keep_freed_memory()
    file = results.FOLDER / "data_share.json"
    found = json.loads(file.read_text())["figures"] if file.exists() else {}
    for name in given.presets:
        found[name] = measure(spec_of(name), given.most_images, choose_device("cpu"))
        print(f"{name:<48} {found[name]['share']:.1%}", found[name], flush=True)
        results.write("data_share", found)


if __name__ == "__main__":
    main()
