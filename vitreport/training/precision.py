"""The number format in which a network computes."""

import torch


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bfloat16 where the operation allows it, for precision "bfloat16"; nothing for "float32"."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
