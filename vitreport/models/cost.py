"""What a network costs: parameters and floating-point operations."""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vitreport.spec.data import CHANNELS


@dataclass(frozen=True)
class Cost:
    """`parameters` is a count; the others are FLOPs (two for a multiply-add), not MACs, for one image."""

    parameters: int
    forward_flops_per_image: int
    training_flops_per_image: int


def measure_cost(model: nn.Module, image_size: int) -> Cost:
    """Count one image's forward pass, and its forward and backward pass, on a copy of the model.

    A network that computes its logits in another order than the published one is counted as published, by its
    `published_forward`: the count belongs to the architecture.
    """
    copy = deepcopy(model).eval()
    image = torch.zeros(1, CHANNELS, image_size, image_size)
    # torch's counter misses fused attention on a CPU, and it fails on some networks where gradients are off.
    with torch.random.fork_rng(devices=[]), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        logits = getattr(copy, "published_forward", copy)(image)
        forward = counter.get_total_flops()
        logits.sum().backward()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, forward, counter.get_total_flops())
