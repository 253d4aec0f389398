"""The optimizer of a spec, and which tensors it keeps: checkpoints and disk estimates ask it, and hold no list."""

import copy
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from vitreport.spec.optimizer import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec

OPTIMIZER_IMPLEMENTATION = "fused"


def build_optimizer(spec: OptimizerSpec, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Put all parameters into one group, updated by torch's fused implementation."""
    shared: dict[str, Any] = {"lr": spec.learning_rate, "weight_decay": spec.weight_decay, "fused": True}
    match spec:
        case AdamWSpec():
            return torch.optim.AdamW(parameters, betas=spec.betas, **shared)
        case AdamSpec():
            return torch.optim.Adam(parameters, betas=spec.betas, **shared)
        case SGDSpec():
            return torch.optim.SGD(parameters, momentum=spec.momentum, nesterov=spec.nesterov, **shared)
        case _:
            assert_never(spec)


def kept_tensors(optimizer: torch.optim.Optimizer, parameter: Tensor) -> dict[str, Tensor]:
    """Return what an optimizer keeps of a parameter, by key: it updates a copy of it once, with a gradient of zeros."""
    probe = copy.copy(optimizer)
    twin = torch.zeros_like(parameter, requires_grad=True)
    twin.grad = torch.zeros_like(twin)
    probe.state = defaultdict(dict)
    probe.param_groups = [{**optimizer.param_groups[0], "params": [twin]}]
    probe.step()
    return {key: value for key, value in probe.state[twin].items() if isinstance(value, Tensor)}


def tensors_per_parameter(spec: OptimizerSpec) -> int:
    """Count the tensors of a parameter's size that the optimizer of a spec keeps of each."""
    parameter = nn.Parameter(torch.zeros(2, 3))
    kept = kept_tensors(build_optimizer(spec, [parameter]), parameter)
    return sum(tensor.shape == parameter.shape for tensor in kept.values())
