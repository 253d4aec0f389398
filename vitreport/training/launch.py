"""Start torchrun for `train --gpus`: one process for each GPU of this machine."""

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from vitreport.errors import ResourceError
from vitreport.runtime import GPUS, Runtime
from vitreport.training.parallel import LOST_HINT, check_batch_norm


def launch(count: int, runtime: Runtime, arguments: Sequence[str]) -> int:
    """Run `vitreport` with these arguments in `count` processes and return the exit code.

    Raises SpecError for synchronized batch normalization on a CPU, and ResourceError if there are fewer GPUs or if a
    signal from elsewhere has killed a process.
    """
    check_batch_norm(runtime.batch_norm, runtime.device)
    found = torch.cuda.device_count()
    if runtime.device != "cpu" and count > found:
        seen = f"PyTorch finds only {found} CUDA GPUs" if found else "PyTorch finds no CUDA GPU"
        raise ResourceError(f"{GPUS.given_as(count)} = {count}: {seen}", "run `vitreport doctor` to find the cause")
    logging.disable()  # the processes say what is wrong
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "vitreport", *arguments)
    except SignalException as stop:
        return 128 + int(stop.sigval)
    except ChildFailedError as failed:
        return _exit_code(failed)
    return 0


def _exit_code(failed: ChildFailedError) -> int:
    """Return the exit code of the first process that failed. Raises ResourceError if a signal has killed one."""
    codes = {rank: failure.exitcode for rank, failure in failed.failures.items()}
    for rank, code in codes.items():
        if code < 0:
            killed = f"process {rank} of the training was killed by {signal.Signals(-code).name}"
            error = ResourceError(killed, LOST_HINT)
            error.exit_code = 128 - code
            raise error from failed
    return codes[min(codes)]
