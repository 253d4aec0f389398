"""What a network costs: parameters, floating-point operations, and what it keeps for its backward pass."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from vitreport.records.run import Cost
from vitreport.spec.data import CHANNELS

FEWEST_IMAGES = 2  # batch normalisation may refuse to train on one
OWN_NAMESPACES = ("aten", "prim", "prims")
PRODUCTS = re.compile(
    r"(^|_)(mm|bmm|addmm|baddbmm|mv|addmv|dot|vdot|matmul|linear|einsum|cdist|conv\w*|attention|fft|rnn|lstm|gru)(_|$)"
)


def measure_cost(model: nn.Module, image_size: int) -> Cost:
    """Measure on copies of the model, on its device and at the precision of the autocast around it.

    A network that computes its logits in another order than the published one is counted as published, by its
    `published_forward`: the FLOPs belong to the architecture, the saved bytes to what is carried out.
    """
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        one, fewer, more = (
            torch.zeros(count, CHANNELS, image_size, image_size, device=device)
            for count in (1, FEWEST_IMAGES, FEWEST_IMAGES + 1)
        )
        forward, training, uncounted = _count_flops(deepcopy(model).eval(), one)
        copy = deepcopy(model).train()
        activation_bytes = saved_bytes(copy, more) - saved_bytes(copy, fewer)
    return Cost(
        parameters=count_parameters(model),
        forward_flops_per_image=forward,
        training_flops_per_image=training,
        activation_bytes_per_image=activation_bytes,
        uncounted_operations=uncounted,
    )


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that are trained."""
    return sum(parameter.numel() for parameter in model.parameters())


def _count_flops(model: nn.Module, image: Tensor) -> tuple[int, int, tuple[str, ...]]:
    """Count an image's forward pass, its forward and backward pass, and name the operations that were not counted."""
    # torch's counter misses fused attention on a CPU, and it fails on some networks where gradients are off.
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.convolution_backward: _convolution_backward_flops}
    )
    with sdpa_kernel(SDPBackend.MATH), _Operations() as operations, counter:
        logits = getattr(model, "published_forward", model)(image)
        forward = counter.get_total_flops()
        logits.sum().backward()
    unknown = {str(operation) for operation in operations.seen - flop_registry.keys()}
    uncounted = {name for name in unknown if _may_multiply(name)} if forward else map(str, operations.seen)
    return forward, counter.get_total_flops(), tuple(sorted(uncounted))


def _convolution_backward_flops(
    grad_out: Sequence[int], images: Sequence[int], weight: Sequence[int], *arguments: Any, **_: Any
) -> int:
    """Count both gradients, of the images and of the weight, as the forward pass: by shapes, from torch's arguments.

    The shape of the weight has the channels of one group, so that this holds for any number of groups. torch's own
    formula takes every channel of the weight's gradient with every other, whatever their groups.
    """
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


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation that is carried out, as torch's counter sees it: after decomposition."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[Any] = set()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.seen.add(func.overloadpacket)
        return func(*args, **(kwargs or {}))


def _may_multiply(operation: str) -> bool:
    """Return whether an operation without a formula may be a product of numbers, or is not torch's own."""
    namespace, _, name = operation.partition(".")
    return namespace not in OWN_NAMESPACES or bool(PRODUCTS.search(name))
