"""MLP-Mixer at any image and patch size, from timm's class (its factories fix both)."""

from torch import nn

from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec


def build_mlp_mixer(spec: MLPMixerSpec, image_size: int, num_classes: int) -> nn.Module:
    """Images (B, 3, image_size, image_size) to logits (B, num_classes)."""
    from timm.models.mlp_mixer import MlpMixer  # timm takes seconds to import

    network: nn.Module = MlpMixer(
        num_classes=num_classes,
        img_size=image_size,
        patch_size=spec.patch_size,
        num_blocks=spec.num_blocks,
        embed_dim=spec.embed_dim,
        mlp_ratio=(spec.token_mlp_ratio, spec.channel_mlp_ratio),
        drop_rate=spec.drop_rate,
        drop_path_rate=spec.drop_path_rate,
    )
    return network
