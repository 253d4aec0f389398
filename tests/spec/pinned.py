"""Specs whose run ids must never change by accident: records are found by them."""

import json
from pathlib import Path
from typing import Any

from tests.models.small import REQUIRED
from vitreport.spec.augment import AugmentSpec
from vitreport.spec.base import members, tag_of
from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import Layer, preset_names, read_preset
from vitreport.spec.model import ModelSpec
from vitreport.spec.optimizer import OptimizerSpec, ScheduleSpec
from vitreport.spec.run import RunSpec

FILE = Path(__file__).parent / "golden" / "run_ids.json"
FACTS = {"cifar10": (10, 32), "digits": (10, 32), "stl10": (10, 96), "tinyimagenet": (200, 64)}
"""Classes and image size of the datasets that presets name."""


def pinned() -> dict[str, Any]:
    """The id and the values of each preset, and of each member of each union at its defaults."""
    return {name: {"id": spec.run_id, "spec": spec.model_dump(mode="json")} for name, spec in _specs().items()}


def text() -> str:
    return json.dumps(pinned(), indent=1) + "\n"


def _specs() -> dict[str, RunSpec]:
    perceiver: dict[str, Any] = {"model": {"name": "perceiver-io"}}
    tables: dict[str, dict[str, Any]] = {
        **{f"model {tag}": {"model": {"name": tag, **REQUIRED.get(tag, {})}} for tag in _tags(ModelSpec)},
        **{f"optimizer {tag}": perceiver | {"optimizer": {"name": tag}} for tag in _tags(OptimizerSpec)},
        **{f"schedule {tag}": perceiver | {"schedule": {"name": tag}} for tag in _tags(ScheduleSpec)},
        **{f"augment {tag}": perceiver | {"data": {"augment": [_entry(tag)]}} for tag in _tags(AugmentSpec)},
    }
    layers = {name: Layer("pinned", table) for name, table in tables.items()}
    layers |= {f"preset {name}": read_preset(name) for name in preset_names()}
    return {name: compose([layer], describe).spec for name, layer in layers.items()}


def _entry(tag: str) -> dict[str, Any]:
    return {"name": tag, **({"operations": [{"name": "horizontal_flip"}]} if tag == "mixture" else {})}


def _tags(union: Any) -> list[str]:
    return list(dict.fromkeys(tag for kind in members(union) if (tag := tag_of(kind))))


def describe(dataset: str, image_size: int | None) -> DatasetFacts:
    num_classes, stored_size = FACTS[dataset]
    return DatasetFacts(dataset, num_classes, image_size or stored_size)
