"""Let one report at a time write to a folder of figures; the others wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitreport.errors import BusyError
from vitreport.files import locked

LOCK_NAME = ".vitreport.lock"
PATIENCE_SECONDS = 60.0  # figures are drawn before the lock is taken; writing them takes seconds


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the folder while writing to it. The system releases the lock when the process ends, however it ends.

    Raises BusyError where another report does not finish in time, ResourceError where the folder cannot be locked.
    """
    hint = "run the same command again when it has finished, or choose another folder with --assets"
    busy = BusyError(f"another report is writing to {folder}", hint)
    with locked(folder / LOCK_NAME, timeout=PATIENCE_SECONDS, busy=lambda: busy, remove=True):
        yield
