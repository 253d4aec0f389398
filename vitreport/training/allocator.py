"""Memory that was freed is kept for the next step instead of being returned to the system and faulted in again."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Let glibc serve tensors from its heap and leave the heap as large as it has become; elsewhere nothing.

    Without it every page of an activation is cleared by the kernel anew in each step. The peak stays as it was.
    """
    if platform.libc_ver()[0] == "glibc":
        for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(parameter, KEPT_BYTES)


def return_freed_memory() -> None:
    """Give back what was kept, before a process trains another run."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
