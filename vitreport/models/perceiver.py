"""Perceiver on the pixels of an image, from perceiver-pytorch's class.

Shape legend: B images, C channels, H height, W width, K classes.
"""

from perceiver_pytorch import Perceiver
from torch import Tensor, nn

from vitreport.spec.architectures.perceiver import PerceiverSpec
from vitreport.spec.data import CHANNELS


class PerceiverClassifier(nn.Module):
    """perceiver-pytorch's Perceiver, which wants its channels last."""

    classifier = ("network.to_logits.2.",)

    def __init__(self, spec: PerceiverSpec, num_classes: int) -> None:
        super().__init__()
        self.network = Perceiver(input_channels=CHANNELS, input_axis=2, num_classes=num_classes, **spec.fields())

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        logits_BK: Tensor = self.network(images_BCHW.permute(0, 2, 3, 1))
        return logits_BK
