import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from vitreport.spec.base import members, tag_of
from vitreport.spec.optimizer import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec
from vitreport.training.optimizers import (
    OPTIMIZERS,
    build_optimizer,
    kept_tensors,
    set_learning_rate,
    tensors_per_parameter,
)

SPECS = {
    AdamWSpec(learning_rate=0.5, weight_decay=0.25, betas=(0.5, 0.75)): torch.optim.AdamW,
    AdamSpec(learning_rate=0.5, weight_decay=0.25, betas=(0.5, 0.75)): torch.optim.Adam,
    SGDSpec(learning_rate=0.5, weight_decay=0.25, momentum=0.5, nesterov=True): torch.optim.SGD,
}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_optimizer_is_the_one_of_the_spec(spec: OptimizerSpec) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimizer = build_optimizer(spec, model.parameters())
    assert type(optimizer).__mro__[1] is SPECS[spec]
    wanted: dict[str, Any] = spec.model_dump(exclude={"name", "learning_rate"})
    for group in optimizer.param_groups:
        assert group["lr"] == spec.learning_rate
        assert {name: group[name] for name in wanted} == wanted
        assert group["fused"] is True


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_parameter_is_updated_by_exactly_one_group(spec: OptimizerSpec) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    groups = build_optimizer(spec, model.parameters()).param_groups
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(map(id, model.parameters()))


def test_every_optimizer_can_be_built() -> None:
    assert [tag_of(kind) for kind in members(OptimizerSpec)] == [*OPTIMIZERS]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_what_is_kept_of_a_parameter_is_what_a_step_leaves(spec: OptimizerSpec) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    optimizer = build_optimizer(spec, model.parameters())
    before = [parameter.clone() for parameter in model.parameters()]
    expected = [kept_tensors(optimizer, parameter) for parameter in model.parameters()]
    assert not optimizer.state
    assert all(map(torch.equal, before, model.parameters()))
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    for parameter, kept in zip(model.parameters(), expected, strict=True):
        state = {key: value for key, value in optimizer.state[parameter].items() if isinstance(value, torch.Tensor)}
        assert {key: (value.shape, value.dtype) for key, value in state.items()} == {
            key: (value.shape, value.dtype) for key, value in kept.items()
        }


@pytest.mark.parametrize(
    ("spec", "count"), [(AdamWSpec(), 2), (AdamSpec(), 2), (SGDSpec(), 1), (SGDSpec(momentum=0.0), 0)]
)
def test_tensors_per_parameter(spec: OptimizerSpec, count: int) -> None:
    assert tensors_per_parameter(spec) == count


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_learning_rate_in_a_tensor_stays_there(spec: OptimizerSpec) -> None:
    """As on a GPU. A step with it is that with the same number in float32."""
    rate = torch.tensor(0.0)
    ends = []
    for given in (rate, 0.0):
        weight = nn.Parameter(torch.arange(5.0))
        weight.grad = torch.linspace(-1, 1, 5)
        optimizer = build_optimizer(spec, [weight])
        optimizer.param_groups[0]["lr"] = given
        for value in (0.25, 0.1):
            set_learning_rate(optimizer, value if given is rate else torch.tensor(value).item())
            optimizer.step()
        assert optimizer.param_groups[0]["lr"] is rate if given is rate else True
        ends.append(weight.detach())
    assert torch.equal(*ends)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_steps_are_those_of_torch_to_the_last_bit(spec: OptimizerSpec) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    twin = deepcopy(model)
    settings = spec.model_dump(exclude={"name", "learning_rate"})
    wanted = SPECS[spec](twin.parameters(), lr=spec.learning_rate, fused=True, **settings)
    for each, optimizer in ((model, build_optimizer(spec, model.parameters())), (twin, wanted)):
        for step in range(3):
            optimizer.zero_grad()
            each(torch.full((2, 3), step + 1.0)).square().sum().backward()
            optimizer.step()
    assert all(map(torch.equal, model.parameters(), twin.parameters()))


def test_a_step_and_a_checkpoint_do_not_import_the_compiler() -> None:
    program = """
import sys, torch
from vitreport.models.cost import measure_cost
from vitreport.spec.optimizer import AdamWSpec
from vitreport.training.optimizers import build_optimizer
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))
measure_cost(model, 4)
optimizer = build_optimizer(AdamWSpec(), model.parameters())
model(torch.ones(1, 3, 4, 4)).sum().backward()
optimizer.step()
optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
