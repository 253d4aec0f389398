"""Every preset trains, on generated images of its dataset's size."""

import math
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

from tests.training.small import noise_arrays
from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS
from vitreport.models.registry import build_model
from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import layer_of, preset_names, read_preset
from vitreport.spec.run import RunSpec
from vitreport.training.loop import train_step
from vitreport.training.optimizers import set_learning_rate
from vitreport.training.setup import prepare

STEPS = 2
BATCH_SIZE = 2
"""As few as a network can normalize over, and as can be mixed with one another."""
FEW: dict[str, Any] = {"train.selection": "last", "data.validation_fraction": 0.0}


def is_large(name: str) -> bool:
    """Networks of which a step takes seconds; their specs are composed and their smaller siblings trained."""
    return (name.startswith("timm-") and not name.endswith("-digits")) or name.endswith(("-xlarge", "tnt-stl10"))


def few_images(name: str) -> RunSpec:
    """A preset as it stands, but for the size of a batch and for weights that lie on the network."""
    few = FEW | {"train.batch_size": BATCH_SIZE}
    return compose([read_preset(name), layer_of(few, "test")], facts).spec


def facts(dataset: str, image_size: int | None) -> DatasetFacts:
    source = DATASETS[dataset]
    return DatasetFacts(dataset, source.num_classes, image_size or source.image_size)


def generated(spec: RunSpec) -> ImageArrays:
    count, source = spec.train.batch_size * STEPS, DATASETS[spec.data.dataset]
    arrays = noise_arrays(count, count, size=source.stored_size)
    return replace(arrays, classes=tuple(map(str, range(source.num_classes))))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if is_large(name) else name for name in preset_names()]
)
def test_a_preset_trains_two_steps(name: str) -> None:
    spec = few_images(name)
    data = spec.data
    model = build_model(spec.model, image_size=data.image_size, num_classes=data.num_classes, seed=spec.seed)
    setup = prepare(spec, model, generated(spec))
    before = {key: tensor.clone() for key, tensor in setup.state.model.state_dict().items()}
    set_learning_rate(setup.state.optimizer, setup.learning_rate(1))  # a warm-up may begin at 0
    losses = [
        float(train_step(setup.state, images, labels, spec.train))
        for images, labels in islice(setup.batches.epoch(0), STEPS)
    ]
    assert len(losses) == STEPS
    assert all(map(math.isfinite, losses))
    assert losses[0] == pytest.approx(math.log(spec.data.num_classes), rel=0.6)
    after = setup.state.model.state_dict()
    changed = [not np.array_equal(before[key].numpy(), after[key].numpy()) for key in before]
    assert sum(changed) > len(changed) / 2
