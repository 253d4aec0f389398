"""Images are explained on every device: some operations have no deterministic version, on a CPU max_unpool2d."""

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

import vitreport
from tests.inference.test_classifier import images_of
from vitreport.inference.explain import explained, pictures_of


def unpool(_network: object, inputs: tuple[Any]) -> None:
    pooled, places = functional.max_pool2d(inputs[0], 2, return_indices=True)
    functional.max_unpool2d(pooled, places, (2, 2))


def test_a_network_without_deterministic_operations_is_explained(own_runs: list[Path], own_images: Path) -> None:
    model = vitreport.load_model(own_runs[0])
    pictures, faults = pictures_of([str(file) for file in images_of(own_images)[:3]], model)
    expected = explained(model, pictures)
    model.network.register_forward_pre_hook(unpool)
    torch.use_deterministic_algorithms(True)
    try:
        found = explained(model, pictures)
    finally:
        torch.use_deterministic_algorithms(False)
    assert faults == []
    assert [each.map for each in found] == [each.map for each in expected]
    assert [each.name for each in found] == [Path(file).name for file in images_of(own_images)[:3]]
