"""How long an epoch took and how much memory the process has used at most."""

import sys
import time

import torch


class EpochClock:
    """Seconds and images of the training part of one epoch, from a monotonic clock."""

    def __init__(self) -> None:
        self.images = 0
        self.seconds = 0.0
        self._start = time.perf_counter()

    def stop(self) -> None:
        self.seconds = time.perf_counter() - self._start

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0


def peak_memory_bytes(device: torch.device) -> int:
    """The most that torch has held on a GPU, or that the process has held in the machine's memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # absent on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
