"""TNT of the package transformer-in-transformer.

Shape legend: B images, C channels, H height, W width, N patches of an image, P pixels of a patch, D width of a pixel,
E width of a patch, K classes.
"""

from torch import Tensor
from torch.nn import functional
from transformer_in_transformer import TNT


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
