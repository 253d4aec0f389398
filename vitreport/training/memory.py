"""Running out of memory, on a GPU or in the machine, told as what it is."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from vitreport.errors import ResourceError
from vitreport.models.weights import is_out_of_memory


@contextmanager
def memory_errors(action: str, smaller: str = "a smaller model") -> Iterator[None]:
    """Raise ResourceError where memory does not suffice for `action`; with what is `smaller` it might."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(f"out of memory {action}", f"choose {smaller}, or another device") from error


def step_memory_errors(batch_size: int) -> AbstractContextManager[None]:
    """Raise ResourceError where memory does not suffice for a training step."""
    return memory_errors(f"at train.batch_size = {batch_size}", "a smaller train.batch_size or a smaller model")
