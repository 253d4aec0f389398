"""The share of a training step that the preparation of its images takes, for every preset.

    python -m benchmarks.data_share [--most-images 32] [PRESET ...]

The images are generated. They are prepared in batches of the preset's size; the step is measured with at most
`--most-images`, as its time for an image hardly depends on their number. The figures go to
benchmarks/results/data_share.json.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import results
from benchmarks.models import seconds
from vitreport.data.batches import ImageSet, TrainingBatches
from vitreport.data.sources import describe
from vitreport.spec.compose import compose
from vitreport.spec.data import CHANNELS
from vitreport.spec.load import layer_of, preset_names, read_preset
from vitreport.spec.run import RunSpec
from vitreport.training.device import choose_device, keep_freed_memory
from vitreport.training.loop import TrainingState, train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import build_network

BATCHES, STEPS = 4, 3


def measure(spec: RunSpec, most_images: int, device: torch.device) -> dict[str, Any]:
    """Milliseconds for an image: its preparation and its part of a step."""
    size, count, random = spec.data.image_size, spec.train.batch_size, np.random.default_rng(0)
    pixels = random.integers(0, 256, (BATCHES * count, CHANNELS, size, size), np.uint8)
    labels = random.integers(0, spec.data.num_classes, BATCHES * count, np.int64)
    images = ImageSet(pixels, labels, device=device, image_size=size, mean=(0.5,) * 3, std=(0.25,) * 3)
    times, prepared = [], TrainingBatches(images, spec.data, count, spec.seed).epoch(0)
    for _ in range(BATCHES):
        begun = time.perf_counter()
        batch = next(prepared)
        times.append(time.perf_counter() - begun)
    model = build_network(spec).to(device).train()
    state = TrainingState(model, build_optimizer(spec.optimizer, model.parameters()))
    few = min(count, most_images)
    steps = [
        seconds(lambda: train_step(state, batch[0][:few], batch[1][:few], spec.train), device) for _ in range(STEPS)
    ]
    data, step = median(times[1:]) / count, median(steps[1:]) / few
    return {"data_ms": 1000 * data, "step_ms": 1000 * step, "share": data / (data + step), "batch_size": count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=preset_names(), metavar="PRESET")
    parser.add_argument("--most-images", type=int, default=32)
    given = parser.parse_args()
    keep_freed_memory()
    found = {}
    for preset in given.presets:
        layers = [read_preset(preset)]
        if "pretrained" in layers[0].values["model"]:
            layers.append(layer_of({"model.pretrained": False}, "benchmark"))
        spec = compose(layers, lambda name, size: describe(name, [Path()], size)).spec
        measured = measure(spec, given.most_images, choose_device("cpu"))
        found[preset] = {key: float(f"{value:.3g}") for key, value in measured.items()}
        print(f"{preset:<32} {found[preset]['share']:.1%}", found[preset], flush=True)
    results.write("data_share", found)


if __name__ == "__main__":
    main()
