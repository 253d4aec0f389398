"""Telling a lack of memory from the other errors that torch raises."""

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice; the machine's allocator, unlike the GPU's, has no error of its own for it."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
