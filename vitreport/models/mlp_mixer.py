"""MLP-Mixer at any image and patch size, from timm's class (its factories fix both)."""

from torch import nn

from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec


def build_mlp_mixer(spec: MLPMixerSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build a network from images (B, 3, image_size, image_size) to logits (B, num_classes)."""
    from timm.models.mlp_mixer import MlpMixer  # timm takes seconds to import

    fields = spec.fields("token_mlp_ratio", "channel_mlp_ratio")
    ratios = (spec.token_mlp_ratio, spec.channel_mlp_ratio)
    network: nn.Module = MlpMixer(img_size=image_size, num_classes=num_classes, mlp_ratio=ratios, **fields)
    return network
