"""What the golden values are measured on: generated images, one thread, float32, a CPU."""

import json
from pathlib import Path
from typing import Any

import torch

from tests.models.small import IMAGE_SIZE, NUM_CLASSES, REQUIRED, small_model
from tests.training.small import CPU, noise_arrays
from vitreport.data.sources import facts_in
from vitreport.records.run import NetworkCost
from vitreport.spec.compose import Request, compose, compose_request
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import Layer, preset_names, read_preset
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.run import RunSpec
from vitreport.training.events import StepFinished
from vitreport.training.loop import fit
from vitreport.training.setup import build_network, place_model, prepare

FOLDER = Path(__file__).parent
LOSSES, COSTS = FOLDER / "losses.json", FOLDER / "costs.json"
STEPS = 10
OWN_PRESETS = [name for name in preset_names() if read_preset(name).values["model"]["name"] != "timm"]
COST_CASES = [*(f"model {name}" for name in ARCHITECTURES), *(f"preset {name}" for name in OWN_PRESETS)]


def losses(name: str) -> list[float]:
    """The losses of the first steps of an architecture, with augmentation, dropout and a schedule."""
    former = torch.get_num_threads()
    torch.set_num_threads(1)
    spec = RunSpec.model_validate_json(json.dumps(loss_spec(name)))
    setup = prepare(spec, build_network(spec), noise_arrays(train=120, test=20, size=IMAGE_SIZE))
    events = fit(setup.state, setup.batches, {}, spec.train, setup.learning_rate, before_batch=lambda: None)
    found = [event.loss for event in events if isinstance(event, StepFinished) and event.loss is not None]
    torch.set_num_threads(former)
    return found


def loss_spec(name: str) -> dict[str, Any]:
    return {
        "model": small_model(name),
        "data": {
            "dataset": "digits",
            "image_size": IMAGE_SIZE,
            "num_classes": NUM_CLASSES,
            "validation_fraction": 0.0,
            "augment": [
                {"name": "horizontal_flip"},
                {"name": "random_crop", "padding": 2},
                {"name": "color_jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
            ],
        },
        "optimizer": {"name": "adamw", "learning_rate": 0.003},
        "schedule": {"name": "cosine", "warmup_epochs": 0.5},
        "train": {"epochs": 2, "batch_size": 24, "label_smoothing": 0.1, "clip_norm": 1.0, "selection": "last"},
    }


def cost(case: str) -> dict[str, Any]:
    """Parameters, FLOPs and saved bytes of an architecture's default on CIFAR-10, or of a preset."""
    spec = cost_spec(case)
    network = spec.model.model_dump_json(), spec.data.image_size, spec.data.num_classes, spec.train.precision
    if network not in _costs:
        _, _costs[network] = place_model(spec, CPU)
    values: dict[str, Any] = _costs[network].model_dump(mode="json")
    return values


_costs: dict[tuple[object, ...], NetworkCost] = {}
"""By the network: some presets are the defaults of their architecture."""


def cost_spec(case: str) -> RunSpec:
    kind, _, name = case.partition(" ")
    if kind == "preset":
        return compose_request(Request(preset=name), facts_in(None)).spec
    layer = Layer("golden", {"model": {"name": name, **REQUIRED.get(name, {})}})
    return compose([layer], lambda dataset, image_size: DatasetFacts(dataset, num_classes=10, image_size=32)).spec
