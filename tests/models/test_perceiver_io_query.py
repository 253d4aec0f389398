"""The output query of Perceiver IO: how it starts, and whether it is trained."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.models.small import IMAGE_SIZE, NUM_CLASSES, SMALL_MODELS
from vitreport.models.cost import count_parameters, measure_cost
from vitreport.models.perceiver import PerceiverIOClassifier
from vitreport.models.registry import build_model
from vitreport.models.weights import classifier_prefixes, named_weights
from vitreport.spec.architectures.perceiver import PerceiverIOSpec
from vitreport.spec.optimizer import AdamWSpec
from vitreport.training.optimizers import build_optimizer


def built(seed: int = 0, **fields: Any) -> PerceiverIOClassifier:
    spec = PerceiverIOSpec(**{**SMALL_MODELS["perceiver-io"], **fields})
    model = build_model(spec, image_size=IMAGE_SIZE, num_classes=NUM_CLASSES, seed=seed)
    assert isinstance(model, PerceiverIOClassifier)
    return model


def test_the_query_starts_normal_or_uniform() -> None:
    uniform = torch.cat([built(seed, query_init="uniform").query_11Q.flatten() for seed in range(20)])
    normal = torch.cat([built(seed).query_11Q.flatten() for seed in range(20)])
    assert 0 <= uniform.min().item() < uniform.max().item() < 1
    assert uniform.mean().item() == pytest.approx(0.5, abs=0.1)
    assert normal.mean().item() == pytest.approx(0.0, abs=0.2)
    assert normal.std().item() == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("trained", [True, False])
def test_only_a_trained_query_moves(trained: bool) -> None:
    model = built(query_init="uniform", query_trained=trained)
    before = model.query_11Q.detach().clone()
    optimizer = build_optimizer(AdamWSpec(learning_rate=0.1), model.parameters())
    functional.cross_entropy(model(torch.rand(4, 3, IMAGE_SIZE, IMAGE_SIZE)), torch.arange(4)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert torch.equal(model.query_11Q, before) is not trained


def test_a_frozen_query_is_saved_with_the_weights_and_is_no_parameter() -> None:
    trained, frozen = built(), built(query_trained=False)
    assert count_parameters(trained) - count_parameters(frozen) == NUM_CLASSES
    assert named_weights(frozen).keys() == named_weights(trained).keys()
    assert torch.equal(frozen.query_11Q, trained.query_11Q)
    assert "query_11Q".startswith(classifier_prefixes(frozen))
    flops = [measure_cost(model, IMAGE_SIZE).forward_flops_per_image for model in (trained, frozen)]
    assert flops[0] == flops[1] > 0


def test_scaling_all_pixels_of_one_token_changes_nothing() -> None:
    """The presets leave out a published 2 x - 1 on normalised images: the layer norm of the token undoes it."""
    model = built().eval()
    images = torch.rand(4, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.no_grad():
        assert torch.allclose(model(2 * images - 1), model(images), atol=1e-3)
        assert not torch.allclose(model(images.flip(-1)), model(images), atol=1e-3)
