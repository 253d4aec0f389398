"""Build the network of an architecture from its spec."""

from typing import assert_never

import torch
from torch import nn

from vitreport.models.linear import use_fast_linear
from vitreport.models.perceiver import PerceiverClassifier, PerceiverIOClassifier
from vitreport.models.timm import build_timm
from vitreport.models.tnt import PackageTNT
from vitreport.randomness import stream_seed
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverIOSpec, PerceiverSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.architectures.tnt import TNTSpec
from vitreport.spec.model import ModelSpec


def build_model(spec: ModelSpec, *, image_size: int, num_classes: int, seed: int) -> nn.Module:
    """Initialize a network on the CPU; its weights are a function of the spec and the seed alone.

    It maps images (B, 3, image_size, image_size) to logits (B, num_classes).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "initialisation"))
        return _network(spec, image_size, num_classes)


def _network(spec: ModelSpec, image_size: int, num_classes: int) -> nn.Module:
    network: nn.Module
    match spec:
        case PerceiverIOSpec():
            network = PerceiverIOClassifier(spec, image_size)
        case PerceiverSpec():
            network = PerceiverClassifier(spec, num_classes)
        case MLPMixerSpec():
            from timm.models.mlp_mixer import MlpMixer  # timm takes seconds to import

            fields = spec.fields("token_mlp_ratio", "channel_mlp_ratio")
            fields["mlp_ratio"] = (spec.token_mlp_ratio, spec.channel_mlp_ratio)
            network = MlpMixer(img_size=image_size, num_classes=num_classes, **fields)
        case SwinSpec():
            # Where the grid of a stage is smaller than the window, it shrinks the window as the paper's code does.
            from timm.models.swin_transformer import SwinTransformer

            network = SwinTransformer(img_size=image_size, num_classes=num_classes, **spec.fields())
        case TNTSpec(implementation="timm"):
            # timm cuts the image into patches first and embeds the pixels of each by one 7 x 7 convolution, padded with
            # zeros, with the stride `pixel_size`: the pixels of a patch overlap, whatever their size.
            from timm.models.tnt import TNT

            heads = {"num_heads_outer": spec.num_heads, "num_heads_inner": spec.inner_heads}
            fields = spec.fields("implementation", "pixel_size", "num_heads", "inner_heads") | heads
            network = TNT(img_size=image_size, num_classes=num_classes, first_stride=spec.pixel_size, **fields)
        case TNTSpec():
            widths = {"patch_dim": spec.embed_dim, "pixel_dim": spec.inner_dim}
            fields = spec.fields("implementation", "embed_dim", "inner_dim", "num_heads") | widths
            network = PackageTNT(image_size=image_size, num_classes=num_classes, heads=spec.num_heads, **fields)
        case TimmSpec():
            network = build_timm(spec, image_size, num_classes)
        case _:
            assert_never(spec)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.inplace = False  # timm's TNT overwrites attention weights that the softmax's gradient needs
    use_fast_linear(network)
    return network
