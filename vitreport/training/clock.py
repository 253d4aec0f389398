"""How long an epoch took and how much memory the process has used at most."""

import sys
import time
from contextlib import suppress
from pathlib import Path

import torch

from vitreport.training.allocator import return_freed_memory


class EpochClock:
    """Seconds of the training part of one epoch, from a monotonic clock; `before` were spent before a resume."""

    def __init__(self, before: float) -> None:
        self._start = time.perf_counter() - before

    def seconds(self) -> float:
        return time.perf_counter() - self._start


def peak_memory_bytes(device: torch.device) -> int:
    """The most that torch has held on a GPU, or that the process has held in the machine's memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # absent on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def forget_peak_memory() -> None:
    """Begin anew, where the system allows it: a process that trains several runs tells each run's own peak."""
    return_freed_memory()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: resets the peak of the resident set
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
