"""Running out of memory, on a GPU or in the machine, told as what it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vitreport.errors import ResourceError


@contextmanager
def memory_errors(action: str) -> Iterator[None]:
    """Raise ResourceError where memory does not suffice for `action`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise ResourceError(
            f"out of memory {action}", "choose a smaller train.batch_size or a smaller model, or another device"
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
