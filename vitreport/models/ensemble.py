"""Several networks as one."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Maps images to the logarithms of the mean class probabilities (B, num_classes) of several networks."""

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logarithm of each mean."""
        log_probabilities = torch.stack([network(images).float().log_softmax(1) for network in self.networks])
        return log_probabilities.logsumexp(0) - math.log(len(self.networks))
