"""TNT at the images' own size: timm's class, or that of the package transformer-in-transformer."""

from torch import nn

from vitreport.spec.architectures.tnt import TNTSpec


def build_tnt(spec: TNTSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build the network of the chosen implementation: images (B, 3, image_size, image_size) to logits."""
    if spec.implementation == "transformer-in-transformer":
        from vitreport.models.tnt_package import build_package_tnt  # only this network needs the package

        return build_package_tnt(spec, image_size, num_classes)
    return build_timm_tnt(spec, image_size, num_classes)


def build_timm_tnt(spec: TNTSpec, image_size: int, num_classes: int) -> nn.Module:
    """Images (B, 3, image_size, image_size) to logits (B, num_classes).

    timm cuts the image into patches first and embeds the pixels of each by one 7 x 7 convolution, padded with
    zeros, of which `pixel_size` is the stride: the pixels of a patch overlap, whatever their size.
    """
    from timm.models.tnt import TNT  # timm takes seconds to import

    network: nn.Module = TNT(
        num_classes=num_classes,
        img_size=image_size,
        patch_size=spec.patch_size,
        first_stride=spec.pixel_size,
        embed_dim=spec.embed_dim,
        inner_dim=spec.inner_dim,
        depth=spec.depth,
        num_heads_outer=spec.num_heads,
        num_heads_inner=spec.inner_heads,
        mlp_ratio=spec.mlp_ratio,
        qkv_bias=spec.qkv_bias,
        drop_rate=spec.drop_rate,
        pos_drop_rate=spec.pos_drop_rate,
        proj_drop_rate=spec.proj_drop_rate,
        attn_drop_rate=spec.attn_drop_rate,
        drop_path_rate=spec.drop_path_rate,
    )
    return with_dropout_out_of_place(network)


def with_dropout_out_of_place(network: nn.Module) -> nn.Module:
    """timm's TNT drops attention weights in place, over the values that the softmax's gradient needs."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.inplace = False
    return network
