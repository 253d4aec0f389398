"""The optimizer of a spec with the tensors that it keeps, and the learning rate as a pure function of the step."""

import copy
import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache

import torch
from torch import Tensor, nn

from vitreport.models.dynamo import disable_dynamo
from vitreport.spec import optimizer as specs
from vitreport.spec.run import RunSpec

OPTIMIZER_IMPLEMENTATION = {"cpu": "fused", "cuda": "fused, learning rate in float32"}
"""By kind of device: part of a run's fingerprint, because another one changes the last digits."""
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
"""They take the fields of their specs, but for the learning rate under the same names."""


def build_optimizer(spec: specs.OptimizerSpec, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Put all parameters into one group, updated by torch's fused implementation.

    On a GPU, the learning rate is a tensor there, so that a CUDA graph of a step can read its present value.
    """
    settings = spec.model_dump(exclude={"name", "learning_rate"})
    updated = list(parameters)
    device = updated[0].device
    given = torch.tensor(spec.learning_rate, device=device) if device.type == "cuda" else spec.learning_rate
    return _without_compiler(OPTIMIZERS[spec.name])(updated, lr=given, fused=True, **settings)


@cache
def _without_compiler(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """Return a kind of optimizer that computes the same without importing torch's compiler."""
    base = torch.optim.Optimizer
    disable_dynamo(base.add_param_group, base.zero_grad, base.state_dict, base.load_state_dict)
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(inspect.unwrap(kind.step))})


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step; a tensor stays where it is."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def kept_tensors(optimizer: torch.optim.Optimizer, parameter: Tensor) -> dict[str, Tensor]:
    """Return what an optimizer keeps of a parameter, by key: it updates a copy of it once, with a gradient of zeros."""
    probe = copy.copy(optimizer)
    twin = torch.zeros_like(parameter, requires_grad=True)
    twin.grad = torch.zeros_like(twin)
    probe.state = defaultdict(dict)
    probe.param_groups = [{**optimizer.param_groups[0], "params": [twin]}]
    probe.step()
    return {key: value for key, value in probe.state[twin].items() if isinstance(value, Tensor)}


def tensors_per_parameter(spec: specs.OptimizerSpec) -> int:
    """Count the tensors of a parameter's size that the optimizer of a spec keeps of each."""
    parameter = nn.Parameter(torch.zeros(2, 3))
    kept = kept_tensors(build_optimizer(spec, [parameter]), parameter)
    return sum(tensor.shape == parameter.shape for tensor in kept.values())


def learning_rate_at(step: int, spec: RunSpec, steps_per_epoch: int) -> float:
    """Return the learning rate of a step; the first is step 0.

    Warm-up over w steps: learning_rate * (step + 1) / w. Then "cosine" multiplies it by f + (1 - f) * (1 + cos(pi *
    progress)) / 2, with f = final_fraction and the progress from 0 to 1 over the remaining steps. With the interval
    "epoch" the progress is that of the epoch's start, minus the lag; epoch 0 has no lag. The lag makes it negative in
    epoch 1 where it is 2; the cosine is even.
    """
    learning_rate, schedule = spec.optimizer.learning_rate, spec.schedule
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return learning_rate * (step + 1) / warmup_steps
    if isinstance(schedule, specs.ConstantSpec):
        return learning_rate
    since = step - warmup_steps
    if schedule.interval == "epoch":
        epoch = since // steps_per_epoch
        since = (epoch - schedule.lag_epochs) * steps_per_epoch if epoch else 0
    progress = since / (steps_per_epoch * spec.train.epochs - warmup_steps)
    remaining = (1 + math.cos(math.pi * progress)) / 2
    return learning_rate * (schedule.final_fraction + (1 - schedule.final_fraction) * remaining)
