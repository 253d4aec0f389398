import subprocess
import sys

import pytest

from vitreport.training.allocator import keep_freed_memory

CHILD = """
import resource, torch
from vitreport.training.allocator import keep_freed_memory

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24).sum()  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
print(min(faults() for _ in range(10)))  # the least: a system short of memory may take pages back at any time
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_memory_is_not_faulted_in_again() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**26 // 4096 // 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    monkeypatch.delattr("ctypes.CDLL")
    keep_freed_memory()
