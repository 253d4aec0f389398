"""Let a process be on another machine than others: it sees their files, not their locks."""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any


def plant(machine: str, stale_seconds: float = 60) -> None:
    """Be on this machine."""
    from vitreport.files import locked

    def locked_here(path: Path, **how: Any) -> AbstractContextManager[bool]:
        path.touch()  # the file is there on all machines
        return locked(path.with_name(f"{path.name}-{machine}"), **how)

    hasten(stale_seconds)
    exchange(locked=locked_here, _boot=machine.encode)


def hasten(stale_seconds: float = 60) -> None:
    """Renew leases, and look at those of others, more often than usual."""
    exchange(RENEWAL_SECONDS=0.05, SECONDS_BETWEEN_LOOKS=0.1, STALE_SECONDS=stale_seconds)


def exchange(**values: Any) -> None:
    from vitreport import lease

    for name, value in values.items():
        setattr(lease, name, value)


def let_pass(folder: Path, seconds: float) -> None:
    """Make the lease in a folder older."""
    path = folder / ".lease"
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
