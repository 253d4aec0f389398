"""Swin Transformer at the images' own size, from timm's class."""

from torch import nn

from vitreport.spec.architectures.swin import SwinSpec


def build_swin(spec: SwinSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build a network from images (B, 3, image_size, image_size) to logits (B, num_classes).

    timm shrinks the window of a stage whose grid is smaller than it (the late stages of a small image), as the
    paper's own code does; the spec refuses a window that does not divide the first grid.
    """
    from timm.models.swin_transformer import SwinTransformer  # timm takes seconds to import

    network: nn.Module = SwinTransformer(img_size=image_size, num_classes=num_classes, **spec.fields())
    return network
