"""The order of a convolutional network's numbers in memory."""

import torch
from torch import nn


def place_network(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device; on a CPU, store the weights of a convolutional network with the channels last.

    oneDNN computes such convolutions faster, and the layout of the weights decides that of the outputs. On a GPU, this
    has not been measured.
    """
    if has_channels_last(model, device):
        model.to(memory_format=torch.channels_last)
    return model.to(device)


def has_channels_last(model: nn.Module, device: torch.device) -> bool:
    """Return whether a network keeps its channels last on a device: most parameters are weights of convolutions."""
    in_convolutions = sum(module.weight.numel() for module in model.modules() if isinstance(module, nn.Conv2d))
    return device.type == "cpu" and 2 * in_convolutions > sum(each.numel() for each in model.parameters())
