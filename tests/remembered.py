"""Do once in a process what gives the same each time, and has tests of its own."""

import pickle
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from vitreport.models import cost
from vitreport.records.run import NetworkCost
from vitreport.report.blocks import Figure
from vitreport.report.figures import assets
from vitreport.report.figures import draw as drawing
from vitreport.training import setup

Patch = Callable[[Any, str, Any], None]


def remember_drawings(patch: Patch) -> None:
    """Draw figures that are the same once."""
    drawn: dict[bytes, list[str]] = {}
    draw = drawing.draw

    def remembered(figure: Figure) -> list[str]:
        key = pickle.dumps(figure)
        if key not in drawn:
            drawn[key] = draw(figure)
        return list(drawn[key])

    assert vars(assets)["draw"] is draw
    for module in [module for module in sys.modules.values() if vars(module).get("draw") is draw]:
        patch(module, "draw", remembered)


def remember_costs(patch: Patch) -> None:
    """Measure the costs of networks that are the same once."""
    measured: dict[str, NetworkCost] = {}

    def remembered(model: nn.Module, image_size: int) -> NetworkCost:
        key = f"{model} {image_size} {torch.is_autocast_enabled('cpu')}"
        if key not in measured:
            measured[key] = cost.measure_cost(model, image_size)
        return measured[key]

    patch(setup, "measure_cost", remembered)
