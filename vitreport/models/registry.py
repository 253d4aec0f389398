"""Build the network of an architecture from its spec."""

from typing import assert_never

import torch
from torch import nn

from vitreport.models.mlp_mixer import build_mlp_mixer
from vitreport.models.perceiver import PerceiverClassifier
from vitreport.models.perceiver_io import PerceiverIOClassifier
from vitreport.models.swin import build_swin
from vitreport.models.timm import build_timm
from vitreport.models.tnt import build_package_tnt, build_timm_tnt
from vitreport.randomness import stream_seed
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverSpec
from vitreport.spec.architectures.perceiver_io import PerceiverIOSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.architectures.tnt import PackageTNTSpec, TimmTNTSpec
from vitreport.spec.model import ModelSpec


def build_model(spec: ModelSpec, *, image_size: int, num_classes: int, seed: int) -> nn.Module:
    """Initialize a network on the CPU; its weights are a function of the spec and the seed alone.

    It maps images (B, 3, image_size, image_size) to logits (B, num_classes).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "initialisation"))
        return _network(spec, image_size, num_classes)


def _network(spec: ModelSpec, image_size: int, num_classes: int) -> nn.Module:
    match spec:
        case PerceiverIOSpec():
            return PerceiverIOClassifier(spec, image_size)
        case PerceiverSpec():
            return PerceiverClassifier(spec, num_classes)
        case MLPMixerSpec():
            return build_mlp_mixer(spec, image_size, num_classes)
        case SwinSpec():
            return build_swin(spec, image_size, num_classes)
        case TimmTNTSpec():
            return build_timm_tnt(spec, image_size, num_classes)
        case PackageTNTSpec():
            return build_package_tnt(spec, image_size, num_classes)
        case TimmSpec():
            return build_timm(spec, image_size, num_classes)
        case _:
            assert_never(spec)
