"""The forward pass in another order is the published one."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from perceiver_pytorch.perceiver_pytorch import fourier_encode
from torch import Tensor
from torch.nn import functional

from tests.models.test_models import perturbed
from vitreport.models.perceiver import PerceiverIOClassifier, folding_is_cheaper
from vitreport.spec.architectures.perceiver import PerceiverIOSpec

IMAGE_SIZE = 4
PUBLISHED = {"queries_dim": 10, "logits_dim": 10}

small = st.integers(1, 6)
specs = st.fixed_dictionaries(
    {
        "queries_dim": small,
        "logits_dim": small,
        "depth": st.integers(1, 3),
        "num_latents": small,
        "latent_dim": st.integers(4, 12),
        "cross_heads": st.integers(1, 3),
        "latent_heads": st.integers(1, 3),
        "cross_dim_head": st.integers(1, 24),
        "latent_dim_head": st.integers(1, 24),
        "weight_tie_layers": st.booleans(),
        "decoder_ff": st.booleans(),
        "patch_size": st.sampled_from([None, 1, 2, IMAGE_SIZE]),
        "num_freq_bands": st.integers(1, 3),
    }
)


def classifier(dtype: torch.dtype, **fields: Any) -> PerceiverIOClassifier:
    torch.manual_seed(0)
    dim = PerceiverIOSpec.derive_fields(fields, IMAGE_SIZE, 10)["dim"]
    model = PerceiverIOClassifier(PerceiverIOSpec(dim=dim, **fields), IMAGE_SIZE)
    perturbed(model)
    return model.to(dtype)


def with_gradients(model: PerceiverIOClassifier, forward: Any, count: int) -> tuple[Tensor, dict[str, Tensor | None]]:
    generator = torch.Generator().manual_seed(1)
    dtype = model.query_11Q.dtype
    images = torch.randn(count, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator, dtype=torch.float64).to(dtype)
    model.zero_grad()
    logits = forward(images)
    functional.cross_entropy(logits, torch.arange(count) % logits.shape[1]).backward()  # type: ignore[no-untyped-call]
    return logits.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}


@settings(max_examples=60)
@given(fields=specs, count=st.integers(1, 4))
def test_logits_and_gradients_are_those_of_the_library(fields: Any, count: int) -> None:
    """In float64, where only a mistake is larger than 1e-9, even behind the LayerNorm of four almost equal values."""
    model = classifier(torch.float64, **fields)
    expected, expected_gradients = with_gradients(model, model.published_forward, count)
    logits, gradients = with_gradients(model, model.forward, count)
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-9)
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("fields", [{}, {"cross_heads": 2, "decoder_ff": True}, {"latent_dim_head": 16}])
def test_float32_agrees_but_for_rounding(fields: Any) -> None:
    """Of gradients the decoder's are the roughest: its one query sees almost equal tokens."""
    model = classifier(torch.float32, **PUBLISHED, **fields)
    expected, expected_gradients = with_gradients(model, model.published_forward, 8)
    logits, gradients = with_gradients(model, model.forward, 8)
    assert (logits - expected).norm() < 1e-6 * expected.norm()
    for name, gradient in expected_gradients.items():
        found = gradients[name]
        assert gradient is not None
        assert found is not None
        assert (found - gradient).norm() <= 1e-4 * gradient.norm(), name


@pytest.mark.parametrize(("latent_dim_head", "folded"), [(128, True), (8, False)])
def test_the_order_follows_the_shapes(latent_dim_head: int, folded: bool) -> None:
    found = folding_is_cheaper(queries=32, query_dim=64, tokens=32, token_dim=64, dim_head=latent_dim_head)
    assert found is folded


def test_both_orders_were_compared() -> None:
    """The property above has shapes on either side, for the latents and for the decoder's one query."""
    latents = {"queries": 4, "query_dim": 12, "tokens": 4, "token_dim": 12}
    decoder = {"queries": 1, "query_dim": 6, "tokens": 2, "token_dim": 12}
    for shapes in (latents, decoder):
        assert {folding_is_cheaper(dim_head=width, **shapes) for width in (1, 24)} == {True, False}


def test_a_weight_that_changes_nothing_decays_as_in_the_library() -> None:
    """AdamW passes over a parameter without a gradient; over one whose gradient is zero it does not."""
    model = classifier(torch.float32, **PUBLISHED)
    before = model.network.cross_attend_block.cross_attn.fn.to_q.weight.detach().clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    with_gradients(model, model.forward, 2)
    optimizer.step()
    after = model.network.cross_attend_block.cross_attn.fn.to_q.weight
    torch.testing.assert_close(after.detach(), before * (1 - 0.1 * 0.5))


def test_patches_and_their_places_are_where_they_are_in_the_image() -> None:
    """Against Perceiver's own features of the same coordinates, patch by patch."""
    model = classifier(torch.float64, **PUBLISHED, patch_size=2, num_freq_bands=2)
    images = torch.randn(3, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.float64)
    tokens = model.tokens(images)
    assert tokens.shape == (3, 4, 3 * 2 * 2 + 2 * (2 * 2 + 1))
    for index, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        patch = images[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert torch.equal(tokens[:, index, :12], patch.flatten(1))
        place = torch.tensor([2.0 * row - 1, 2.0 * column - 1], dtype=torch.float64)
        torch.testing.assert_close(tokens[0, index, 12:], fourier_encode(place, 10.0, 2).flatten(), rtol=0, atol=1e-5)


def test_the_place_of_a_patch_changes_the_answer() -> None:
    model = classifier(torch.float64, **PUBLISHED, patch_size=2)
    images = torch.randn(1, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.float64)
    assert not torch.allclose(model(images), model(images.flip(2, 3)))
