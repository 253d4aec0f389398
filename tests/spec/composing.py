"""Composing specs in tests: layers as plain tables, and a dataset that has no images."""

from collections.abc import Mapping
from typing import Any

import pytest

from vitreport.errors import Problem, SpecError
from vitreport.spec.compose import Composed, compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import Layer

PERCEIVER = {"model": {"name": "perceiver-io"}}
MIXER = {"model": {"name": "mlp-mixer"}}
SWIN = {"model": {"name": "swin"}}

Table = Mapping[str, Any]


def describe(dataset: str, image_size: int | None) -> DatasetFacts:
    """Any dataset has ten classes and images of 32 pixels."""
    return DatasetFacts(dataset, num_classes=10, image_size=image_size or 32)


def composed(*layers: Table | Layer) -> Composed:
    """Compose tables, the strongest last; the origin of a plain table is "layer N"."""
    return compose([_layer(number, layer) for number, layer in enumerate(layers, start=1)], describe)


def problems(*layers: Table | Layer) -> dict[str, Problem]:
    """What is wrong, by field."""
    with pytest.raises(SpecError) as caught:
        composed(*layers)
    return {problem.field: problem for problem in caught.value.problems}


def _layer(number: int, layer: Table | Layer) -> Layer:
    return layer if isinstance(layer, Layer) else Layer(f"layer {number}", layer)
