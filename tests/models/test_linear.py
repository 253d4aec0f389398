"""Linear layers by oneDNN: the same function as PyTorch's, used only where it is faster."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vitreport.models import linear as fast
from vitreport.models.linear import Linear, compiled_product, linear, product, use_fast_linear

CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor")


@pytest.fixture(autouse=True)
def _slow_mkl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every processor count as one with a slow MKL."""
    monkeypatch.setattr(fast, "HAS_SLOW_MKL", True)


def layer(inner: int = 64, outer: int = 256, *, bias: bool = True) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(inner, outer, bias=bias)


def gradients(outputs: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    return torch.autograd.grad(outputs, inputs, torch.randn_like(outputs))


@pytest.mark.parametrize("compute", [linear, product, compiled_product])
@pytest.mark.parametrize("shape", [(32, 17, 64), (600, 64), (16, 8, 8, 64)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_a_linear_layer(compute, shape, bias) -> None:  # type: ignore[no-untyped-def]
    of, tokens = layer(bias=bias), torch.randn(*shape, requires_grad=True)
    wanted, found = functional.linear(tokens, of.weight, of.bias), compute(tokens, of.weight, of.bias)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert found.is_contiguous()
    inputs = (tokens, *of.parameters())
    for one, other in zip(gradients(found, *inputs), gradients(wanted, *inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_the_same_bits_come_out_every_time() -> None:
    of, tokens = layer(), torch.randn(128, 32, 64, requires_grad=True)
    runs = [gradients(linear(tokens, of.weight, of.bias), tokens, *of.parameters()) for _ in range(3)]
    assert all(torch.equal(one, other) for run in runs[1:] for one, other in zip(runs[0], run, strict=True))


def test_the_operations_for_the_compiler_are_well_formed() -> None:
    tokens, gradient, (weight, bias) = torch.randn(4, 8, 16), torch.randn(4, 8, 24), layer(16, 24).parameters()
    leaves = tuple(each.detach().requires_grad_() for each in (tokens, weight, bias))
    torch.library.opcheck(compiled_product, leaves, test_utils=CHECKS)
    torch.library.opcheck(fast.compiled_backward, (gradient, tokens, weight.detach()), test_utils=CHECKS)


@pytest.mark.parametrize("shape", [(4, 32, 64), (15, 600, 64), (256, 64)])
def test_a_small_layer_is_left_to_pytorch(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(fast, "product")
    linear(torch.randn(shape), layer().weight)


def test_bfloat16_is_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(fast, "product")
    tokens, of = torch.randn(128, 32, 64), layer()
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(tokens, of.weight, of.bias).dtype == torch.bfloat16
    assert linear(tokens.bfloat16(), of.weight.bfloat16()).dtype == torch.bfloat16


def test_an_exported_network_has_linear_layers() -> None:
    network = nn.Sequential(layer())
    use_fast_linear(network)
    sizes = ({0: torch.export.Dim("batch")},)
    graph = str(torch.export.export(network, (torch.randn(128, 32, 64),), dynamic_shapes=sizes).graph)
    assert "aten.linear" in graph
    assert "conv" not in graph


def test_a_network_keeps_its_parameters_and_their_names() -> None:
    plain = nn.Sequential(layer(), nn.GELU(), layer(256, 64))
    changed = deepcopy(plain)
    use_fast_linear(changed)
    assert [type(each) for each in changed] == [Linear, nn.GELU, Linear]
    changed.load_state_dict(plain.state_dict())
    tokens = torch.randn(32, 32, 64)
    torch.testing.assert_close(deepcopy(changed)(tokens), plain(tokens), rtol=1e-5, atol=1e-5)
