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
    network = _as_published(spec, image_size, num_classes)
    _compute_dropout_out_of_place(network)
    use_fast_linear(network)
    return network


def _as_published(spec: ModelSpec, image_size: int, num_classes: int) -> nn.Module:
    match spec:
        case PerceiverIOSpec():
            return PerceiverIOClassifier(spec, image_size)
        case PerceiverSpec():
            return PerceiverClassifier(spec, num_classes)
        case MLPMixerSpec():
            return _mlp_mixer(spec, image_size, num_classes)
        case SwinSpec():
            return _swin(spec, image_size, num_classes)
        case TNTSpec(implementation="timm"):
            return _timm_tnt(spec, image_size, num_classes)
        case TNTSpec():
            return _package_tnt(spec, image_size, num_classes)
        case TimmSpec():
            return build_timm(spec, image_size, num_classes)
        case _:
            assert_never(spec)


def _mlp_mixer(spec: MLPMixerSpec, image_size: int, num_classes: int) -> nn.Module:
    from timm.models.mlp_mixer import MlpMixer  # timm takes seconds to import

    fields = spec.fields("token_mlp_ratio", "channel_mlp_ratio")
    ratios = (spec.token_mlp_ratio, spec.channel_mlp_ratio)
    network: nn.Module = MlpMixer(img_size=image_size, num_classes=num_classes, mlp_ratio=ratios, **fields)
    return network


def _swin(spec: SwinSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build timm's Swin. Where the grid of a stage is smaller than the window, it shrinks the window as the paper's."""
    from timm.models.swin_transformer import SwinTransformer

    network: nn.Module = SwinTransformer(img_size=image_size, num_classes=num_classes, **spec.fields())
    return network


def _timm_tnt(spec: TNTSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build timm's TNT, which cuts the image into patches first.

    It embeds the pixels of each patch by one 7 x 7 convolution, padded with zeros, with the stride `pixel_size`: the
    pixels of a patch overlap, whatever their size.
    """
    from timm.models.tnt import TNT

    fields = spec.fields("implementation", "pixel_size", "num_heads", "inner_heads")
    heads = {"num_heads_outer": spec.num_heads, "num_heads_inner": spec.inner_heads}
    network: nn.Module = TNT(
        img_size=image_size, num_classes=num_classes, first_stride=spec.pixel_size, **heads, **fields
    )
    return network


def _package_tnt(spec: TNTSpec, image_size: int, num_classes: int) -> nn.Module:
    fields = spec.fields("implementation", "embed_dim", "inner_dim", "num_heads")
    widths = {"patch_dim": spec.embed_dim, "pixel_dim": spec.inner_dim}
    return PackageTNT(image_size=image_size, num_classes=num_classes, heads=spec.num_heads, **widths, **fields)


def _compute_dropout_out_of_place(network: nn.Module) -> None:
    """Keep timm's TNT from overwriting attention weights that the softmax's gradient needs."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.inplace = False
