"""The workers that a command spawns, as forks of it: they need not import torch again.

For a worker, that is the process that multiprocessing would have started: it has the descriptors that it is given and
no others, no handlers of signals but Python's own, imports vitreport itself, and runs what it is sent. A command with
several threads cannot be forked; it starts its workers as usual.
"""

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

from tests import machines

PR_SET_PDEATHSIG = 1  # of Linux's prctl.h
NAME = "spawn_main"
"""What multiprocessing calls in a new process; here, the name of the process too."""


def end_with_parent() -> None:
    """Let Linux kill this process when the one that forked it ends: what a killed pytest began trains no longer."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def plant() -> None:
    """Fork the workers that this process will start."""
    start: Any = getattr(util, "spawnv_passfds")  # noqa: B009

    def fork_or_start(path: bytes, words: Sequence[bytes | str], descriptors: Sequence[int]) -> int:
        code = next((word for word in map(os.fsdecode, words) if NAME in word), None)
        if code is None or len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
            return int(start(path, words, descriptors))
        pid = os.fork()
        if pid == 0:
            _work(code, descriptors)
        return pid

    setattr(util, "spawnv_passfds", fork_or_start)  # noqa: B010


def _work(code: str, descriptors: Sequence[int]) -> NoReturn:
    exit_code = 1
    try:
        Path("/proc/self/comm").write_text(NAME)
        _forget_signals()
        _close_all_but({0, 1, 2, *map(int, descriptors)})
        for module in [name for name in sys.modules if name.partition(".")[0] == "vitreport"]:
            del sys.modules[module]
        machines.follow()
        sys.argv = ["-c", "--multiprocessing-fork"]
        exec(code, {})
    except SystemExit as error:
        exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    os._exit(exit_code & 0xFF)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _close_all_but(kept: set[int]) -> None:
    ends = [-1, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for before, after in pairwise(ends):
        if before + 1 < after:  # closerange(0, 0) closes all
            os.closerange(before + 1, after)
