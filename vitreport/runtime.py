"""What a run needs from the machine and what does not change its result: no part of the spec."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Runtime:
    """Where and how a run is executed.

    `device` is a torch device name or "auto"; `threads` None leaves torch its own choice; `compile` lets torch
    compile the network for training; `checkpoint_seconds` is the longest stretch of work that a crash can cost;
    `weights` is the file that `model.pretrained` names by its digest.
    """

    device: str
    data_dir: Path
    cache_dir: Path
    runs_dir: Path
    threads: int | None
    compile: bool
    checkpoint_seconds: float
    weights: Path | None = None
