"""Convolutional networks keep their channels last: the same function, with what the optimizer relies on."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.models.test_timm import build
from vitreport.models.memory_format import has_channels_last, place_network
from vitreport.spec.optimizer import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec
from vitreport.training.optimizers import build_optimizer

CPU = torch.device("cpu")
IMAGES = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from (parameter for parameter in model.parameters() if parameter.ndim == 4)


@pytest.mark.parametrize("architecture", ["resnet10t", "regnetx_002", "mobilenetv3_small_050"])
def test_a_convolutional_network_computes_the_same(architecture: str) -> None:
    usual = build(architecture, 32)
    model = place_network(copy.deepcopy(usual), CPU)
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in tensors(model))
    torch.testing.assert_close(model.eval()(IMAGES), usual.eval()(IMAGES), rtol=1e-4, atol=1e-5)


def test_other_networks_are_left_as_they_are() -> None:
    for model in (build("vit_tiny_patch16_224", 32, patch_size=8, embed_dim=16, depth=1, num_heads=2), nn.Linear(3, 4)):
        assert not has_channels_last(model, CPU)
        before = [parameter.stride() for parameter in model.parameters()]
        place_network(model, CPU)
        assert [parameter.stride() for parameter in model.parameters()] == before


@pytest.mark.parametrize("spec", [AdamWSpec(), AdamSpec(), SGDSpec(momentum=0.9, nesterov=True)], ids=lambda s: s.name)
def test_the_fused_optimizer_updates_each_weight_with_its_own_gradient(spec: OptimizerSpec) -> None:
    torch.manual_seed(0)
    usual = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(4 * 28 * 28, 5))
    changed = copy.deepcopy(usual).to(memory_format=torch.channels_last)
    for model in (usual, changed):
        optimizer = build_optimizer(spec, model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(model(IMAGES), torch.arange(6) % 5).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    for one, other in zip(usual.parameters(), changed.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_gpu_gets_a_network_as_it_is() -> None:
    assert not has_channels_last(build("resnet10t", 32), torch.device("cuda"))
