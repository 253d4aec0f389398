"""Swin Transformer at the images' own size, from timm's class."""

from torch import nn

from vitreport.spec.architectures.swin import SwinSpec


def build_swin(spec: SwinSpec, image_size: int, num_classes: int) -> nn.Module:
    """Images (B, 3, image_size, image_size) to logits (B, num_classes).

    timm shrinks the window of a stage whose grid is smaller than it (the late stages of a small image), as
    the paper's own code does; a window that does not divide the first grid never gets here: the spec refuses it.
    """
    from timm.models.swin_transformer import SwinTransformer  # timm takes seconds to import

    network: nn.Module = SwinTransformer(
        num_classes=num_classes,
        img_size=image_size,
        patch_size=spec.patch_size,
        embed_dim=spec.embed_dim,
        depths=spec.depths,
        num_heads=spec.num_heads,
        window_size=spec.window_size,
        mlp_ratio=spec.mlp_ratio,
        drop_rate=spec.drop_rate,
        drop_path_rate=spec.drop_path_rate,
    )
    return network
