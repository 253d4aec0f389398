"""The order of a convolutional network's numbers in memory."""

import torch
from torch import nn


def put_channels_last(model: nn.Module) -> None:
    """Store the weights of a convolutional network with the channels last; leave other networks as they are.

    oneDNN and cuDNN compute such convolutions faster, and the layout of the weights decides that of the outputs.
    """
    if is_convolutional(model):
        model.to(memory_format=torch.channels_last)


def is_convolutional(model: nn.Module) -> bool:
    """Return whether most parameters of a model are weights of convolutions (out, in, height, width)."""
    in_convolutions = sum(module.weight.numel() for module in model.modules() if isinstance(module, nn.Conv2d))
    return 2 * in_convolutions > sum(parameter.numel() for parameter in model.parameters())
