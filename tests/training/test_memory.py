import pytest
import torch

from vitreport.errors import ResourceError
from vitreport.training.memory import memory_errors


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_lack_of_memory_is_told(error: Exception) -> None:
    with pytest.raises(ResourceError, match="out of memory while measuring") as told, memory_errors("while measuring"):
        raise error
    assert "train.batch_size" in told.value.hint


def test_other_errors_come_through() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_errors("while measuring"):
        raise RuntimeError("shapes cannot be multiplied")


def test_the_allocator_of_the_machine_says_it_in_these_words() -> None:
    with pytest.raises(ResourceError), memory_errors("here"):
        torch.empty(1 << 60, dtype=torch.uint8)
