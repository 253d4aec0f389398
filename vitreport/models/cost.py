"""What a network costs: parameters, floating-point operations, and what it keeps for its backward pass."""

from collections.abc import Sequence
from copy import deepcopy
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, _FlopCounterMode

from vitreport.models.dynamo import disable_dynamo
from vitreport.records.run import NetworkCost
from vitreport.spec.data import CHANNELS


def measure_cost(model: nn.Module, image_size: int) -> NetworkCost:
    """Measure on copies of the model, on its device and at the precision of the autocast around it.

    The FLOPs are those of the architecture as published, by its `published_forward` if it has one; the saved bytes are
    those of what is carried out.
    """
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        # The bytes of the third image: batch normalization may refuse to train on one.
        one, two, three = (torch.zeros(n, CHANNELS, image_size, image_size, device=device) for n in (1, 2, 3))
        forward, training = _count_flops(deepcopy(model).eval(), one)
        copy = deepcopy(model).train()
        activation_bytes = saved_bytes(copy, three) - saved_bytes(copy, two)
    return NetworkCost(
        parameters=count_parameters(model),
        forward_flops_per_image=forward,
        training_flops_per_image=training,
        activation_bytes_per_image=activation_bytes,
    )


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that are trained."""
    return sum(parameter.numel() for parameter in model.parameters())


def _count_flops(model: nn.Module, image: Tensor) -> tuple[int, int]:
    """Count an image's forward pass, and its forward and backward pass, as far as torch's counter has formulas."""
    # torch's counter misses fused attention on a CPU, and it fails on some networks where gradients are off.
    formulas = {torch.ops.aten.convolution_backward: _convolution_backward_flops}
    disable_dynamo(_FlopCounterMode.__torch_dispatch__)
    counter = FlopCounterMode(display=False, custom_mapping=formulas)
    with sdpa_kernel(SDPBackend.MATH), counter:
        logits = getattr(model, "published_forward", model)(image)
        forward = counter.get_total_flops()
        logits.sum().backward()
    return forward, counter.get_total_flops()


def _convolution_backward_flops(
    grad_out: Sequence[int], images: Sequence[int], weight: Sequence[int], *arguments: Any, **_: Any
) -> int:
    """Count both gradients as the forward pass: torch's formula is wrong where channels are in several groups."""
    transposed, wanted = arguments[4], arguments[7]
    places: int = prod((images if transposed else grad_out)[2:])
    return 2 * images[0] * places * prod(weight) * int(sum(wanted[:2]))


def saved_bytes(model: nn.Module, images: Tensor) -> int:
    """Measure the storages that a forward pass saves for the backward pass, each once, without the model's own."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    saved: dict[int, torch.UntypedStorage] = {}

    def save(tensor: Tensor) -> None:  # a graph that held its own results would never be freed
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage

    with saved_tensors_hooks(save, lambda nothing: nothing):
        model(images)
    return sum(storage.nbytes() for storage in saved.values())
