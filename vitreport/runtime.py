"""What a run needs from the machine and what does not change its result: no part of the spec."""

import os
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


def given_as(option: str, value: object) -> str:
    """The option, or the environment variable that has given it this value: --device, or VITREPORT_DEVICE."""
    variable = f"VITREPORT_{option.removeprefix('--').upper().replace('-', '_')}"
    return variable if os.environ.get(variable) == str(value) else option
