"""The published sizes of the networks."""

from typing import Any

import pytest

from vitreport.models.registry import build_model
from vitreport.spec.architectures.perceiver import PerceiverSpec

MEDIUM: dict[str, int] = {}
LARGE = {"latent_dim": 64, "cross_dim_head": 32, "latent_dim_head": 32}
XLARGE = {"depth": 6, "num_latents": 48, "latent_dim": 96, "cross_dim_head": 32, "latent_dim_head": 64}
XLARGE_TINYIMAGENET = {**XLARGE, "cross_dim_head": 48, "latent_dim_head": 48}


@pytest.mark.parametrize(
    ("fields", "image_size", "num_classes", "published"),
    [
        (MEDIUM, 32, 10, 293_362),
        (LARGE, 32, 10, 1_151_730),
        (XLARGE, 32, 10, 4_428_262),
        (LARGE, 64, 200, 1_164_080),
        (XLARGE_TINYIMAGENET, 64, 200, 3_880_868),
    ],
)
def test_perceivers_have_their_published_numbers_of_parameters(
    fields: dict[str, Any], image_size: int, num_classes: int, published: int
) -> None:
    model = build_model(PerceiverSpec(**fields), image_size=image_size, num_classes=num_classes, seed=0)
    assert sum(parameter.numel() for parameter in model.parameters()) == published
