"""The lock of a run folder: one process at a time writes to it."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vitreport.errors import BusyError, StorageError
from vitreport.files import locked
from vitreport.records.reader import read_file
from vitreport.records.run import HolderRecord
from vitreport.untrusted_files import NO_FOLLOW, NO_WAIT

LOCK_NAME = ".lock"
HOLDER_NAME = ".holder"  # not the lock file itself, which filelock empties when it opens it
PATIENCE_SECONDS = 0.5  # longer than `is_held` holds the lock for its look


def now() -> str:
    """Return UTC in ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Hold:
    """The lock file of a run as it was when this process locked it."""

    path: Path
    identity: tuple[int, int] | None

    def check(self) -> None:
        """Raise BusyError if the lock file was removed or replaced: another process may hold the run by now."""
        found = _identity(self.path)
        if found is None or found != self.identity:
            fault = (
                f"run {self.path.parent.name}: its {LOCK_NAME} was removed or replaced while this process was writing"
            )
            raise BusyError(fault, "run the same command again to resume from the last checkpoint")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return the device and the number of a file: while it is open, no other file gets the same."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def held(folder: Path) -> Iterator[Hold]:
    """Hold the run until this process ends, however it ends. Raises BusyError that names the process that holds it."""
    path, holder = folder / LOCK_NAME, folder / HOLDER_NAME

    def busy() -> BusyError:
        known = read_file(holder, HolderRecord.model_validate_json, [])
        who = f"process {known.process} on {known.host}, started {known.started}" if known else "another process"
        return BusyError(f"run {folder.name} is in use by {who}", "wait for it, or stop it")

    with locked(path, timeout=PATIENCE_SECONDS, busy=busy):
        try:
            with suppress(OSError):  # nothing depends on it; a link or a pipe in its place is left alone
                descriptor = os.open(holder, NO_FOLLOW | NO_WAIT | os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                with os.fdopen(descriptor, "w") as file:
                    record = HolderRecord(process=os.getpid(), host=platform.node(), started=now())
                    file.write(record.model_dump_json())
            yield Hold(path, _identity(path))
        finally:
            with suppress(OSError):
                holder.unlink()


def is_held(folder: Path) -> bool:
    """Return whether a living process writes to the run; False if the lock cannot be read, as on a read-only disk."""
    path = folder / LOCK_NAME
    if path.is_symlink() or not path.exists():
        return False
    try:
        with locked(path, timeout=0):
            return False
    except (BusyError, StorageError) as error:
        return isinstance(error, BusyError)
