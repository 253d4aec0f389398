"""The optimizer, and the learning rate as a pure function of the step."""

import math

import torch
from torch import nn

from vitreport.spec.optimizer import AdamSpec, AdamWSpec, CosineSpec, OptimizerSpec, ScheduleSpec

OPTIMIZER_IMPLEMENTATION = "fused"
TENSORS_PER_PARAMETER = {"adamw": 2, "adam": 2, "sgd": 1}


def build_optimizer(spec: OptimizerSpec, model: nn.Module) -> torch.optim.Optimizer:
    """All parameters in one group, updated by torch's fused implementation."""
    parameters = list(model.parameters())
    if isinstance(spec, AdamWSpec | AdamSpec):
        kind = torch.optim.AdamW if isinstance(spec, AdamWSpec) else torch.optim.Adam
        return kind(parameters, lr=spec.learning_rate, betas=spec.betas, weight_decay=spec.weight_decay, fused=True)
    return torch.optim.SGD(
        parameters,
        lr=spec.learning_rate,
        momentum=spec.momentum,
        nesterov=spec.nesterov,
        weight_decay=spec.weight_decay,
        fused=True,
    )


def learning_rate_at(
    step: int, *, learning_rate: float, schedule: ScheduleSpec, steps_per_epoch: int, total_steps: int
) -> float:
    """The learning rate of step 0, 1, ..., total_steps - 1.

    Warm-up over w steps: learning_rate * (step + 1) / w. Cosine after it, over the remaining n steps:
    learning_rate * (f + (1 - f) * (1 + cos(pi * progress)) / 2), with f = final_fraction and `_progress`.
    """
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return learning_rate * (step + 1) / warmup_steps
    if isinstance(schedule, CosineSpec):
        progress = _progress(schedule, step - warmup_steps, total_steps - warmup_steps, steps_per_epoch)
        remaining = (1 + math.cos(math.pi * progress)) / 2
        return learning_rate * (schedule.final_fraction + (1 - schedule.final_fraction) * remaining)
    return learning_rate


def _progress(schedule: CosineSpec, step: int, steps: int, steps_per_epoch: int) -> float:
    """The share of the cosine at a step after the warm-up: step / steps, or that of the epoch's start less the lag.

    Epoch 0 has no lag. The lag makes the share of epoch 1 negative where it is 2; the cosine is even.
    """
    if schedule.interval == "step":
        return step / steps
    epoch = step // steps_per_epoch
    return (epoch - schedule.lag_epochs) * steps_per_epoch / steps if epoch else 0.0
