"""Perceiver IO on a whole image as one token, with a learned query whose answer is the logits.

Shape legend: B images, C channels, H height, W width, V = C*H*W values, Q = K classes.
"""

import torch
from perceiver_pytorch import PerceiverIO
from torch import Tensor, nn

from vitreport.spec.model import PerceiverIOSpec


class PerceiverIOClassifier(nn.Module):
    """perceiver-pytorch's PerceiverIO between an image and its logits (Jaegle et al. 2021, section 3)."""

    def __init__(self, spec: PerceiverIOSpec) -> None:
        super().__init__()
        self.network = PerceiverIO(**spec.model_dump(exclude={"name"}))
        self.query_11Q = nn.Parameter(torch.randn(1, 1, spec.queries_dim))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, K)."""
        token_B1V = images_BCHW.flatten(1).unsqueeze(1)
        query_B1Q = self.query_11Q.expand(len(images_BCHW), -1, -1)
        logits_B1K: Tensor = self.network(token_B1V, queries=query_B1Q)
        return logits_B1K.squeeze(1)


def build_perceiver_io(spec: PerceiverIOSpec, image_size: int, num_classes: int) -> nn.Module:
    return PerceiverIOClassifier(spec)
