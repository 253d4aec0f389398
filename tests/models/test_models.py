import json
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.nn import functional

from tests.models.small import IMAGE_SIZE, NUM_CLASSES, small_model
from vitreport.models.registry import build_model
from vitreport.spec.model import ARCHITECTURES, ModelSpec

UNUSED = {
    "perceiver-io": {
        "network.cross_attend_block.cross_attn.norm.weight",
        "network.cross_attend_block.cross_attn.norm.bias",
        "network.cross_attend_block.cross_attn.fn.to_q.weight",
    }
}
"""With one token to attend to, its weight is 1 whatever the query: these gradients are zero."""


def build(name: str, seed: int = 0) -> nn.Module:
    spec: Any = TypeAdapter[Any](ModelSpec).validate_json(json.dumps(small_model(name)))
    return build_model(spec, image_size=IMAGE_SIZE, num_classes=NUM_CLASSES, seed=seed)


def some_images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("count", [1, 3])
def test_images_become_finite_logits(name: str, count: int) -> None:
    for mode in (True, False):
        logits = build(name).train(mode)(some_images(count))
        assert logits.shape == (count, NUM_CLASSES)
        assert logits.isfinite().all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_images_of_a_batch_do_not_see_each_other(name: str) -> None:
    model = perturbed(build(name)).eval()
    together = model(some_images(3))
    apart = torch.cat([model(image[None]) for image in some_images(3)])
    assert torch.allclose(together, apart, atol=1e-5)
    assert not torch.allclose(apart[0], apart[1], atol=1e-3)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_gradients_reach_every_parameter(name: str) -> None:
    model = perturbed(build(name)).eval()
    labels = torch.arange(4)
    functional.cross_entropy(model(some_images(4)), labels).backward()  # type: ignore[no-untyped-call]
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    assert all(gradient.isfinite().all() for gradient in gradients.values() if gradient is not None)
    still = {name for name, gradient in gradients.items() if gradient is not None and not gradient.any()}
    assert still == UNUSED.get(name, set())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_are_a_function_of_the_seed(name: str) -> None:
    first = build(name).state_dict()
    torch.rand(7)
    second, other = build(name).state_dict(), build(name, seed=1).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_building_leaves_the_global_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    build(name)
    assert torch.equal(torch.get_rng_state(), before)


def perturbed(model: nn.Module) -> nn.Module:
    """Away from the start, where some networks have a last layer of zeros."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model
