"""What a run needs of the disk, and whether that is there before its first step."""

from pathlib import Path

from vitreport.errors import FullDiskError
from vitreport.files import free_bytes
from vitreport.formatting import compact
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import KEPT
from vitreport.training.optimizers import tensors_per_parameter

FLOAT_BYTES = 4


def disk_bytes(spec: RunSpec, parameters: int) -> int:
    """What stays: the checkpoints that are kept (weights, optimizer, best weights) and the selected weights."""
    return KEPT * _checkpoint_bytes(spec, parameters) + parameters * FLOAT_BYTES


def peak_bytes(spec: RunSpec, parameters: int) -> int:
    """The most at any time: a checkpoint is written before the oldest one goes."""
    return max(disk_bytes(spec, parameters), (KEPT + 1) * _checkpoint_bytes(spec, parameters))


def _checkpoint_bytes(spec: RunSpec, parameters: int) -> int:
    tensors = 1 + tensors_per_parameter(spec.optimizer) + (spec.train.selection == "val")
    return parameters * FLOAT_BYTES * tensors


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raises FullDiskError where a run that needs up to `needed` bytes lacks room for what it has not written yet."""
    missing, free = needed - sum(map(_size, folder.rglob("*.safetensors"))), free_bytes(folder)
    if missing > free:
        fault = f"run {folder.name} needs {compact(missing)}B, {compact(free)}B are free in {folder.parent}"
        raise FullDiskError(f"no space left: {fault}", "free some space, or choose another --runs-dir")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just removed it, or it may not be looked at
        return 0
