"""The published sizes of the networks."""

from typing import Any

import pytest
import torch

from vitreport.models.registry import build_model
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverIOSpec, PerceiverSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.model import ModelSpec

MEDIUM: dict[str, int] = {}
LARGE = {"latent_dim": 64, "cross_dim_head": 32, "latent_dim_head": 32}
XLARGE = {"depth": 6, "num_latents": 48, "latent_dim": 96, "cross_dim_head": 32, "latent_dim_head": 64}
XLARGE_TINYIMAGENET = {**XLARGE, "cross_dim_head": 48, "latent_dim_head": 48}
SWIN_TINY: dict[str, Any] = {"embed_dim": 96, "depths": (2, 2, 6, 2), "num_heads": (3, 6, 12, 24), "window_size": 7}


def parameters(spec: ModelSpec, image_size: int, num_classes: int) -> int:
    with torch.device("meta"):  # without values
        model = build_model(spec, image_size=image_size, num_classes=num_classes, seed=0)
    return sum(parameter.numel() for parameter in model.parameters())


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
    assert parameters(PerceiverSpec(**fields), image_size, num_classes) == published


@pytest.mark.parametrize(
    ("spec", "image_size", "num_classes", "published"),
    [
        (PerceiverIOSpec(dim=3072, queries_dim=10, logits_dim=10), 32, 10, 1_504_662),
        (SwinSpec(), 32, 10, 13_822_390),
        (SwinSpec(**SWIN_TINY), 224, 1000, 28_288_354),
        (MLPMixerSpec(), 224, 10, 18_020_394),
        (MLPMixerSpec(), 224, 1000, 18_528_264),
    ],
)
def test_the_others_have_those_of_the_same_study_and_of_their_papers(
    spec: ModelSpec, image_size: int, num_classes: int, published: int
) -> None:
    """Swin-T and Mixer-S/16 for ImageNet are those of the papers, the others those of the study on CIFAR-10."""
    assert parameters(spec, image_size, num_classes) == published
