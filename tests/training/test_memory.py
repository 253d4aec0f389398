import sys

import pytest
import torch

from vitreport.errors import ResourceError
from vitreport.training.clock import forget_peak_memory, peak_memory_bytes
from vitreport.training.memory import memory_errors, step_memory_errors


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
    assert told.value.hint == "choose a smaller model, or another device"
    with pytest.raises(ResourceError, match=r"at train\.batch_size = 7") as told, step_memory_errors(7):
        raise error
    assert "a smaller train.batch_size" in told.value.hint


def test_other_errors_come_through() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_errors("while measuring"):
        raise RuntimeError("shapes cannot be multiplied")


def test_the_allocator_of_the_machine_says_it_in_these_words() -> None:
    with pytest.raises(ResourceError), memory_errors("here"):
        torch.empty(1 << 60, dtype=torch.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak can be reset on Linux")
def test_a_process_that_trains_several_runs_tells_the_peak_of_each() -> None:
    cpu = torch.device("cpu")
    ballast = [torch.ones(2**20) for _ in range(64)]
    high = peak_memory_bytes(cpu)
    ballast.clear()
    assert peak_memory_bytes(cpu) >= high
    forget_peak_memory()
    assert peak_memory_bytes(cpu) < high - 2**27
