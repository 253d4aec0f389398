import weakref

import pytest
import timm
import torch
from torch import Tensor, nn

from tests.models.small import IMAGE_SIZE
from tests.models.test_models import build
from vitreport.models.cost import measure_cost, saved_bytes
from vitreport.records.run import NetworkCost
from vitreport.spec.model import ARCHITECTURES

VALUES = 3 * 4 * 4
FLOAT_BYTES = 4


def linear_cost(parameters: int, forward: int, training: int, saved: int) -> NetworkCost:
    return NetworkCost(
        parameters=parameters,
        forward_flops_per_image=forward,
        training_flops_per_image=training,
        activation_bytes_per_image=saved,
    )


def test_a_linear_layer_by_hand() -> None:
    """Forward is one product; backward adds that for the weights, and none for the image."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 5))
    forward = 2 * VALUES * 5
    saved = FLOAT_BYTES * VALUES
    assert measure_cost(model, 4) == linear_cost(VALUES * 5 + 5, forward, 2 * forward, saved)


def test_two_linear_layers_by_hand() -> None:
    """The second layer also passes a gradient on to the first."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 6), nn.ReLU(), nn.Linear(6, 5))
    first, second = 2 * VALUES * 6, 2 * 6 * 5
    saved = FLOAT_BYTES * (VALUES + 6)  # the image, and what ReLU gives, which the second layer needs as well
    assert measure_cost(model, 4) == linear_cost(
        VALUES * 6 + 6 + 6 * 5 + 5, first + second, 2 * first + 3 * second, saved
    )


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("make", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_grouped_convolution_by_hand(make: type[nn.Conv2d] | type[nn.ConvTranspose2d], groups: int) -> None:
    """Four channels to eight. A channel meets those of its group alone, in each of the three products.

    A convolution has 2 x 2 results, a transposed one gives each of its 4 x 4 pixels to a square of 3 x 3.
    """
    model = nn.Sequential(nn.Conv2d(3, 4, 1), make(4, 8, 3, stride=2, padding=1, groups=groups), nn.Flatten())
    first = 2 * (4 * 4) * (3 * 4)
    second = 2 * (2 * 2 if make is nn.Conv2d else 4 * 4) * (4 * 8 // groups) * (3 * 3)
    cost = measure_cost(model, 4)
    assert cost.forward_flops_per_image == first + second
    assert cost.training_flops_per_image == 2 * first + 3 * second


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "resnext26ts", "resnet10t"])
def test_networks_of_timm_by_hand(name: str) -> None:
    """Every layer by its weights and results; only the first passes no gradient on to its input."""
    model = timm.create_model(name, num_classes=5).eval()
    layers: list[int] = []

    def count(layer: nn.Conv2d | nn.Linear, _: object, results: Tensor) -> None:
        layers.append(
            2 * layer.weight.numel() * results[0, 0].numel() if results.dim() == 4 else 2 * layer.weight.numel()
        )

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    model(torch.zeros(1, 3, 64, 64))
    forward = list(layers)
    cost = measure_cost(model, 64)
    assert any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in model.modules()) is (name != "resnet10t")
    assert cost.forward_flops_per_image == sum(forward)
    assert cost.training_flops_per_image == 3 * sum(forward) - forward[0]


def test_attention_is_counted() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, images: Tensor) -> Tensor:
            tokens = images.flatten(2).transpose(1, 2)[:, None] * self.scale  # 16 tokens of 3 values
            attended: Tensor = nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
            return attended.flatten(1)

    assert measure_cost(Attention(), 4).forward_flops_per_image == 2 * (2 * 16 * 16 * 3)


def test_the_model_comes_back_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(VALUES, 5))
    model[1].eval()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random_state = torch.get_rng_state()
    measure_cost(model, 4)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [module.training for module in model] == [True, False, True, True]


def test_nothing_that_was_measured_stays_in_memory() -> None:
    """Softmax saves its own result."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 5), nn.Softmax(dim=1))
    weight = weakref.ref(model.get_parameter("1.weight"))
    assert saved_bytes(model, torch.zeros(2, 3, 4, 4)) > 0
    del model
    assert weight() is None


def test_another_order_of_computing_is_counted_as_published() -> None:
    """What is saved is what is carried out: the image alone."""

    class Folded(nn.Linear):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images.flatten(1))

        def published_forward(self, images: Tensor) -> Tensor:
            return self.forward(self.forward(images))

    cost = measure_cost(Folded(VALUES, VALUES), 4)
    assert cost.forward_flops_per_image == 2 * (2 * VALUES * VALUES)
    assert cost.activation_bytes_per_image == FLOAT_BYTES * VALUES


def test_dropout_saves_its_mask_and_parameters_are_not_counted() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 7), nn.Dropout(0.5), nn.Linear(7, 100))
    image, mask, dropped = FLOAT_BYTES * VALUES, FLOAT_BYTES * 7, FLOAT_BYTES * 7
    assert measure_cost(model, 4).activation_bytes_per_image == image + mask + dropped


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_what_is_saved_grows_by_the_same_with_every_image(name: str, precision: torch.dtype) -> None:
    model = build(name).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
        saved = [saved_bytes(model, torch.rand(count, 3, IMAGE_SIZE, IMAGE_SIZE)) for count in (2, 3, 5, 9)]
        an_image = measure_cost(model, IMAGE_SIZE).activation_bytes_per_image
    assert an_image is not None
    assert [saved[0] + (count - 2) * an_image for count in (2, 3, 5, 9)] == saved
    assert an_image > FLOAT_BYTES * 3 * IMAGE_SIZE**2 / 2


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_training_every_architecture_costs_more_than_twice_its_forward_pass(name: str) -> None:
    cost = measure_cost(build(name), IMAGE_SIZE)
    assert cost.training_flops_per_image > 2 * cost.forward_flops_per_image > 0
