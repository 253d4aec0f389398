"""The lock of a run folder: one process at a time writes to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vitreport.errors import BusyError, StorageError
from vitreport.files import locked

LOCK_NAME = ".lock"
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
    """Hold the run until this process ends, however it ends. Raises BusyError if another process holds it."""
    path = folder / LOCK_NAME
    busy = BusyError(f"run {folder.name} is in use by another process", "wait for it, or stop it")
    with locked(path, timeout=PATIENCE_SECONDS, busy=lambda: busy):
        yield Hold(path, _identity(path))


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
