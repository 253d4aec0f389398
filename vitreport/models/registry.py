"""The architectures by name, and how one is built from its spec."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from vitreport.models.mlp_mixer import build_mlp_mixer
from vitreport.models.perceiver import build_perceiver
from vitreport.models.perceiver_io import build_perceiver_io
from vitreport.models.swin import build_swin
from vitreport.models.timm import build_timm
from vitreport.models.tnt import build_tnt
from vitreport.randomness import stream_seed
from vitreport.spec.model import ModelSpec

MODELS: dict[str, Callable[[Any, int, int], nn.Module]] = {
    "perceiver-io": build_perceiver_io,
    "perceiver": build_perceiver,
    "mlp-mixer": build_mlp_mixer,
    "swin": build_swin,
    "tnt": build_tnt,
    "timm": build_timm,
}


def build_model(spec: ModelSpec, *, image_size: int, num_classes: int, seed: int) -> nn.Module:
    """A freshly initialised network on the CPU; its weights are a function of the spec and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "initialisation"))
        return MODELS[spec.name](spec, image_size, num_classes)
