"""The TNT of the package transformer-in-transformer: the published network."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch.nn import functional
from transformer_in_transformer import TNT

from tests.models.small import IMAGE_SIZE, NUM_CLASSES
from vitreport.models.cost import count_parameters, measure_cost
from vitreport.models.registry import build_model
from vitreport.models.tnt import PackageTNT
from vitreport.models.weights import classifier_prefixes
from vitreport.spec.architectures.tnt import TNTSpec

SMALL: dict[str, Any] = {"embed_dim": 16, "inner_dim": 8, "depth": 2, "num_heads": 2, "dim_head": 4}


def built(image_size: int = IMAGE_SIZE, num_classes: int = NUM_CLASSES, **fields: Any) -> PackageTNT:
    spec = TNTSpec(implementation="transformer-in-transformer", **fields)
    model = build_model(spec, image_size=image_size, num_classes=num_classes, seed=0)
    assert isinstance(model, PackageTNT)
    return model


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("image_size", "num_classes", "published"), [(32, 10, 19_600_482), (96, 10, 20_124_770), (64, 200, 19_894_560)]
)
def test_the_defaults_have_the_published_numbers_of_parameters(
    image_size: int, num_classes: int, published: int
) -> None:
    assert count_parameters(built(image_size, num_classes)) == published


def test_timm_is_the_default_and_another_network() -> None:
    model = build_model(TNTSpec(), image_size=32, num_classes=10, seed=0)
    assert not isinstance(model, PackageTNT)
    assert count_parameters(model) == 19_344_682


@pytest.mark.parametrize("fields", [{}, {"patch_size": 8, "pixel_size": 4}, {"pixel_size": 1}])
def test_the_logits_are_those_of_the_package(fields: dict[str, Any]) -> None:
    """The package's own pass writes into its parameters, so it runs on copies, one image each."""
    model = built(**SMALL, **fields).eval()
    with torch.no_grad():
        own = torch.cat([TNT.forward(deepcopy(model), image[None]) for image in images(3)])
        assert torch.allclose(model(images(3)), own, atol=1e-5)


@pytest.mark.parametrize("field", ["attn_dropout", "ff_dropout"])
def test_each_dropout_acts_in_training_only(field: str) -> None:
    fields: dict[str, Any] = {"attn_dropout": 0.0, "ff_dropout": 0.0, field: 0.5}
    model = built(**SMALL, **fields)
    assert not torch.equal(model(images(2)), model(images(2)))
    model.eval()
    assert torch.equal(model(images(2)), model(images(2)))


def test_gradients_reach_every_parameter() -> None:
    model = built(**SMALL)
    functional.cross_entropy(model(images(4)), torch.arange(4)).backward()  # type: ignore[no-untyped-call]
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    assert all(parameter.grad.any() for parameter in model.parameters() if parameter.grad is not None)


def test_the_classifier_is_what_depends_on_the_classes() -> None:
    ten, three = (built(num_classes=count, **SMALL).state_dict() for count in (10, 3))
    differing = [name for name in ten if ten[name].shape != three[name].shape]
    assert differing == ["mlp_head.1.weight", "mlp_head.1.bias"]
    assert all(name.startswith(classifier_prefixes(built(**SMALL))) for name in differing)


def test_every_operation_is_counted() -> None:
    """Linear maps and attention, two operations for a multiply-add, of P pixels and 1 + N patches."""
    patches, pixels, width, inner, heads = (IMAGE_SIZE // 4) ** 2, 4, 16, 8, 2 * 4
    tokens = patches + 1

    def attention(count: int, length: int, dim: int) -> int:
        return count * length * (dim * 3 * heads + 2 * length * heads + heads * dim)

    def block() -> int:
        inside = attention(patches, pixels, inner) + patches * pixels * 8 * inner * inner
        outside = attention(1, tokens, width) + tokens * 8 * width * width
        return inside + patches * pixels * inner * width + outside

    expected = patches * pixels * 3 * 2 * 2 * inner + 2 * block() + width * NUM_CLASSES
    cost = measure_cost(built(**SMALL), IMAGE_SIZE)
    assert cost.forward_flops_per_image == 2 * expected
    assert cost.activation_bytes_per_image
