import torch
from torch import Tensor, nn

from vitreport.models.cost import Cost, measure_cost

VALUES = 3 * 4 * 4


def test_a_linear_layer_by_hand() -> None:
    """Forward is one product; backward adds that for the weights, and none for the image."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 5))
    forward = 2 * VALUES * 5
    assert measure_cost(model, 4) == Cost(VALUES * 5 + 5, forward, 2 * forward)


def test_two_linear_layers_by_hand() -> None:
    """The second layer also passes a gradient on to the first."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(VALUES, 6), nn.ReLU(), nn.Linear(6, 5))
    first, second = 2 * VALUES * 6, 2 * 6 * 5
    assert measure_cost(model, 4) == Cost(VALUES * 6 + 6 + 6 * 5 + 5, first + second, 2 * first + 3 * second)


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


def test_another_order_of_computing_is_counted_as_published() -> None:
    class Folded(nn.Linear):
        def published_forward(self, images: Tensor) -> Tensor:
            once: Tensor = self(images.flatten(1))
            twice: Tensor = self(once)
            return twice

    model = Folded(VALUES, VALUES)
    assert measure_cost(model, 4).forward_flops_per_image == 2 * (2 * VALUES * VALUES)
