"""Linear layers in float32 on AMD's processors, twice as fast as PyTorch's own: with oneDNN instead of MKL.

PyTorch multiplies float32 matrices with Intel's MKL, which uses AVX-512 on Intel's processors only. oneDNN, which is
also part of PyTorch, uses it on all. PyTorch leaves convolutions to oneDNN, and a linear layer is a 1 x 1 convolution.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MIN_IMAGES = 16  # with fewer, PyTorch does not use oneDNN on one thread
MIN_ROWS, MIN_PRODUCTS = 512, 2**23  # below, the layouts of a convolution take longer than is gained


def _has_slow_mkl() -> bool:
    """Return whether PyTorch multiplies with MKL on a processor with AVX-512 that is not Intel's (seen on Linux)."""
    backends, information = torch.backends, Path("/proc/cpuinfo")
    has_both = backends.mkl.is_available() and backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    is_wide = backends.cpu.get_cpu_capability().startswith("AVX512")
    return has_both and is_wide and information.exists() and "AuthenticAMD" in information.read_text()


HAS_SLOW_MKL = _has_slow_mkl()


class Linear(nn.Linear):
    """A linear layer that computes as `linear` does."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of the method that it replaces
        """Map (..., in_features) to (..., out_features)."""
        return linear(input, self.weight, self.bias)


def use_fast_linear(model: nn.Module) -> None:
    """Replace the class of each linear layer by `Linear`; parameters and their names stay."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return inputs (B, ..., in) times the weight (out, in), plus the bias (out,)."""
    if not (HAS_SLOW_MKL and _is_worth_it(inputs, weight)):
        return functional.linear(inputs, weight, bias)
    return (compiled_product if torch.compiler.is_compiling() else product)(inputs, weight, bias)


def _is_worth_it(inputs: Tensor, weight: Tensor) -> bool:
    if torch.compiler.is_exporting() or torch.is_autocast_enabled("cpu"):
        return False
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return False
    rows = inputs.shape[:-1].numel()
    return len(inputs) >= MIN_IMAGES and rows >= MIN_ROWS and rows * weight.numel() >= MIN_PRODUCTS


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute `linear` as a convolution."""
    outputs = functional.conv2d(_pixels(inputs), weight[:, :, None, None], bias)
    return outputs.permute(0, 2, 3, 1).reshape(*inputs.shape[:-1], -1)


def _pixels(tokens: Tensor) -> Tensor:
    """Return tokens (B, ..., C) as an image (B, C, N, 1), channels last."""
    return tokens.reshape(len(tokens), -1, 1, tokens.shape[-1]).permute(0, 3, 1, 2)


@torch.library.custom_op("vitreport::linear", mutates_args=())
def compiled_product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute `product` as one operation for torch.compile, which would copy its tensors to other layouts."""
    return product(inputs, weight, bias)


@torch.library.custom_op("vitreport::linear_backward", mutates_args=())
def compiled_backward(gradient: Tensor, inputs: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the gradients of the inputs and of the weight."""
    tensors = _pixels(gradient), _pixels(inputs), weight[:, :, None, None]
    of_inputs, of_weight, _ = torch.ops.aten.convolution_backward(
        *tensors, None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1, (True, True, False)
    )
    return of_inputs.permute(0, 2, 3, 1).reshape(inputs.shape), of_weight.reshape(weight.shape)


@compiled_product.register_fake
def _(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return inputs.new_empty(*inputs.shape[:-1], len(weight))


@compiled_backward.register_fake
def _(gradient: Tensor, inputs: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return inputs.new_empty(inputs.shape), weight.new_empty(weight.shape)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
    tokens, weight, bias = inputs
    ctx.save_for_backward(tokens, weight)
    ctx.has_bias = bias is not None


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    of_inputs, of_weight = compiled_backward(gradient, *ctx.saved_tensors)
    return of_inputs, of_weight, gradient.flatten(0, -2).sum(0) if ctx.has_bias else None


compiled_product.register_autograd(_backward, setup_context=_keep)
