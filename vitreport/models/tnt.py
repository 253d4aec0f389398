"""TNT at the images' own size: timm's class, or that of the package transformer-in-transformer.

Shape legend: B images, C channels, H height, W width, N patches of an image, P pixels of a patch, D width of a pixel,
E width of a patch, K classes.
"""

from torch import Tensor, nn
from torch.nn import functional
from transformer_in_transformer import TNT

from vitreport.spec.architectures.tnt import PackageTNTSpec, TimmTNTSpec


def build_timm_tnt(spec: TimmTNTSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build a network from images (B, 3, image_size, image_size) to logits (B, num_classes).

    timm cuts the image into patches first and embeds the pixels of each by one 7 x 7 convolution, padded with
    zeros, with the stride `pixel_size`: the pixels of a patch overlap, whatever their size.
    """
    from timm.models import tnt  # timm takes seconds to import

    network: nn.Module = tnt.TNT(
        img_size=image_size,
        num_classes=num_classes,
        first_stride=spec.pixel_size,
        num_heads_outer=spec.num_heads,
        num_heads_inner=spec.inner_heads,
        **spec.fields("implementation", "pixel_size", "num_heads", "inner_heads"),
    )
    return with_dropout_out_of_place(network)


def with_dropout_out_of_place(network: nn.Module) -> nn.Module:
    """Correct timm's TNT, which drops attention weights in place, over values that the softmax's gradient needs."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.inplace = False
    return network


class PackageTNT(TNT):  # type: ignore[misc]
    """The package's network, with a forward pass that autograd accepts.

    The package adds the position embeddings in place, into a view of a parameter, which autograd refuses.
    Its tensors keep the package's names, so that weights trained with the package elsewhere can be loaded.
    """

    classifier = ("mlp_head.1.",)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        count = len(images_BCHW)
        pixels = self.to_pixel_tokens(images_BCHW) + self.pixel_pos_emb  # (B * N, P, D)
        patches = (self.patch_tokens + self.patch_pos_emb).expand(count, -1, -1)  # (B, 1 + N, E)
        for pixel_attention, pixel_mlp, pixels_to_patch, patch_attention, patch_mlp in self.layers:
            pixels = pixels + pixel_attention(pixels)
            pixels = pixels + pixel_mlp(pixels)
            from_pixels_BNE = pixels_to_patch(pixels).unflatten(0, (count, -1))
            patches = patches + functional.pad(from_pixels_BNE, (0, 0, 1, 0))  # the class token gets nothing
            patches = patches + patch_attention(patches)
            patches = patches + patch_mlp(patches)
        logits_BK: Tensor = self.mlp_head(patches[:, 0])
        return logits_BK


def build_package_tnt(spec: PackageTNTSpec, image_size: int, num_classes: int) -> PackageTNT:
    """Build a network from images (B, 3, image_size, image_size) to logits (B, num_classes)."""
    return PackageTNT(
        image_size=image_size,
        num_classes=num_classes,
        patch_dim=spec.embed_dim,
        pixel_dim=spec.inner_dim,
        heads=spec.num_heads,
        **spec.fields("implementation", "embed_dim", "inner_dim", "num_heads"),
    )
