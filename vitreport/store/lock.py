"""Who holds a run: one process at a time writes to a run folder."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vitreport.errors import BusyError, StorageError
from vitreport.files import locked
from vitreport.records.reader import read_file
from vitreport.records.run import HolderRecord
from vitreport.store.provenance import now
from vitreport.untrusted_files import NO_FOLLOW, NO_WAIT

LOCK_NAME = ".lock"
HOLDER_NAME = ".holder"  # not the lock file itself, which filelock empties when it opens it
PATIENCE_SECONDS = 0.5  # longer than `is_held` holds the lock for its look


@dataclass(frozen=True)
class Hold:
    """The lock file of a run as it was when this process locked it."""

    path: Path
    identity: tuple[int, int] | None

    def check(self) -> None:
        """Raise BusyError where the lock file was removed or replaced: another process may hold the run by now."""
        found = _identity(self.path)
        if found is None or found != self.identity:
            fault = (
                f"run {self.path.parent.name}: its {LOCK_NAME} was removed or replaced while this process was writing"
            )
            raise BusyError(fault, "run the same command again to resume from the last checkpoint")


def _identity(path: Path) -> tuple[int, int] | None:
    """The device and the number of a file: while it is open, no other file gets the same."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def held(folder: Path) -> Iterator[Hold]:
    """Hold the run while writing to it. The system frees the lock when the process ends, however it ends.

    Raises BusyError that names the holder, StorageError where the folder cannot be locked.
    """

    def busy() -> BusyError:
        return BusyError(f"run {folder.name} is in use by {_holder(folder)}", "wait for it, or stop it")

    with locked(folder / LOCK_NAME, timeout=PATIENCE_SECONDS, busy=busy):
        try:
            _tell_holder(folder)
            yield Hold(folder / LOCK_NAME, _identity(folder / LOCK_NAME))
        finally:
            with suppress(OSError):
                (folder / HOLDER_NAME).unlink()


def is_held(folder: Path) -> bool:
    """Whether a living process writes to the run; not where the lock cannot be looked at, as on a read-only disk."""
    path = folder / LOCK_NAME
    if path.is_symlink() or not path.exists():
        return False
    try:
        with locked(path, timeout=0):
            return False
    except BusyError:
        return True
    except StorageError:
        return False


def _tell_holder(folder: Path) -> None:
    """Say who holds the run, for whoever finds it locked; nothing depends on it, so that it is neither safe nor sure.

    A link or a pipe in its place is left alone.
    """
    holder = HolderRecord(process=os.getpid(), host=platform.node(), started=now())
    with suppress(OSError):
        descriptor = os.open(folder / HOLDER_NAME, NO_FOLLOW | NO_WAIT | os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with os.fdopen(descriptor, "w") as file:
            file.write(holder.model_dump_json())


def _holder(folder: Path) -> str:
    holder = read_file(folder / HOLDER_NAME, HolderRecord.model_validate_json, [])
    if holder is None:
        return "another process"
    return f"process {holder.process} on {holder.host}, started {holder.started}"
