"""What a run needs of the disk, and whether that is there before its first step."""

from pathlib import Path

from vitreport.errors import FullDiskError
from vitreport.files import free_bytes
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import KEPT
from vitreport.text import compact
from vitreport.training.optim import TENSORS_PER_PARAMETER

FLOAT_BYTES = 4


def disk_bytes(spec: RunSpec, parameters: int) -> int:
    """The checkpoints that are kept (weights, optimizer, best weights) and the selected weights."""
    per_checkpoint = 1 + TENSORS_PER_PARAMETER[spec.optimizer.name] + (spec.train.selection == "val")
    return parameters * FLOAT_BYTES * (KEPT * per_checkpoint + 1)


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raises FullDiskError where a run that comes to `needed` bytes lacks room for what it has not written yet."""
    missing, free = needed - sum(map(_size, folder.rglob("*.safetensors"))), free_bytes(folder)
    if missing > free:
        fault = f"run {folder.name} needs {compact(missing)}B, {compact(free)}B are free in {folder.parent}"
        raise FullDiskError(f"no space left: {fault}", "free some space, or choose another --runs-dir")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just removed it
        return 0
