"""Who holds a run: one process at a time writes to a run folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vitreport.errors import BusyError, ResourceError
from vitreport.store.reader import read_file
from vitreport.store.record import RunRecord

LOCK_NAME = ".lock"
PATIENCE_SECONDS = 0.5  # longer than `is_held` holds the lock for its look


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the run while writing to it. The system frees the lock when the process ends, however it ends.

    Raises BusyError that names the holder, ResourceError where the folder cannot be locked.
    """
    lock = FileLock(folder / LOCK_NAME, timeout=PATIENCE_SECONDS, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"run {folder.name} is in use by {_holder(folder)}", "wait for it, or stop it") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResourceError(
            f"cannot lock {folder}: {reason}", "mend its permissions, or choose another place"
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a living process writes to the run; not where the lock cannot be looked at, as on a read-only disk."""
    path = folder / LOCK_NAME
    if path.is_symlink() or not path.exists():
        return False
    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _holder(folder: Path) -> str:
    record = read_file(folder / "run.json", RunRecord.model_validate_json, [])
    if record is None:
        return "another process"
    return f"process {record.process} on {record.host}, started {record.started}"
