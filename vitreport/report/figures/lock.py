"""Let one report at a time write to a folder of figures; the others wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vitreport.errors import BusyError
from vitreport.files import storage_errors

LOCK_NAME = ".vitreport.lock"
PATIENCE_SECONDS = 60.0  # figures are drawn before the lock is taken; writing them takes seconds


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the folder while writing to it. The system releases the lock when the process ends, however it ends.

    Raises BusyError where another report does not finish in time, ResourceError where the folder cannot be locked.
    """
    path = folder / LOCK_NAME
    lock = FileLock(path, fallback_to_soft=False)
    with storage_errors(path):
        try:
            lock.acquire(timeout=PATIENCE_SECONDS)
        except Timeout as error:  # an OSError too
            hint = "run the same command again when it has finished, or choose another folder with --assets"
            raise BusyError(f"another report is writing to {folder}", hint) from error
    try:
        yield
    finally:
        with suppress(OSError):  # removed before it is released: a waiting process notices and makes a new one
            path.unlink(missing_ok=True)
        lock.release()
