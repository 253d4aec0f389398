"""Specs and images that make a training take milliseconds."""

import json
from typing import Any

import numpy as np
import torch

from vitreport.data.arrays import ImageArrays, Split
from vitreport.spec.run import RunSpec
from vitreport.training.setup import Setup, build_network, prepare

CPU = torch.device("cpu")
CLASSES = 10
SMALL: dict[str, dict[str, Any]] = {
    "model": {
        "name": "swin",
        "patch_size": 4,
        "embed_dim": 8,
        "depths": [1],
        "num_heads": [2],
        "window_size": 2,
        "drop_path_rate": 0.0,
    },
    "data": {"dataset": "digits", "image_size": 8, "num_classes": CLASSES},
    "train": {"epochs": 2, "batch_size": 20},
}


def small_spec(**sections: Any) -> RunSpec:
    """SMALL with the fields that are given, by section; `seed` is a number."""
    values: dict[str, Any] = {**SMALL, **sections}
    for name, section in SMALL.items():
        given = sections.get(name, {})
        values[name] = given if "name" in given else {**section, **given}
    return RunSpec.model_validate_json(json.dumps(values))


def noise_split(count: int, seed: int, size: int = 8) -> Split:
    """Random pixels; the labels go round."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), np.uint8)
    return Split(images, np.arange(count, dtype=np.int64) % CLASSES)


def noise_arrays(train: int = 100, test: int = 50, *, test_seed: int = 1, size: int = 8) -> ImageArrays:
    return ImageArrays(
        splits={"train": noise_split(train, 0, size), "test": noise_split(test, test_seed, size)},
        classes=tuple(map(str, range(CLASSES))),
        fingerprint="0" * 64,
        canonical=False,
        source="generated",
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )


def small_setup(spec: RunSpec | None = None, arrays: ImageArrays | None = None) -> Setup:
    spec = spec or small_spec()
    return prepare(spec, build_network(spec), arrays or noise_arrays())
