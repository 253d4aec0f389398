from typing import Any

import pytest
import torch
from torch import nn

from vitreport.spec.optimizer import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec
from vitreport.training.optim import OPTIMIZER_IMPLEMENTATION, build_optimizer

SPECS = {
    AdamWSpec(learning_rate=0.5, weight_decay=0.25, betas=(0.5, 0.75)): torch.optim.AdamW,
    AdamSpec(learning_rate=0.5, weight_decay=0.25, betas=(0.5, 0.75)): torch.optim.Adam,
    SGDSpec(learning_rate=0.5, weight_decay=0.25, momentum=0.5, nesterov=True): torch.optim.SGD,
}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_optimizer_is_the_one_of_the_spec(spec: OptimizerSpec) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimizer = build_optimizer(spec, model)
    assert type(optimizer) is SPECS[spec]
    wanted: dict[str, Any] = spec.model_dump(exclude={"name", "learning_rate"})
    for group in optimizer.param_groups:
        assert group["lr"] == spec.learning_rate
        assert {name: group[name] for name in wanted} == wanted
        assert group[OPTIMIZER_IMPLEMENTATION] is True


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_parameter_is_updated_by_exactly_one_group(spec: OptimizerSpec) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    groups = build_optimizer(spec, model).param_groups
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(map(id, model.parameters()))
