"""Let one process at a time write to a place, also where the locks of the system do not reach other machines.

The system frees a lock when its process ends, however it ends; but over NFS and Lustre, other machines may not see it.
They can read the file beside it, the lease: it contains the random token of its owner and the boot id of the owner's
machine, no names. While the owner lives, one of its threads sets the time of the file every few seconds.

- There is one owner, because one file has one token. Before an owner writes anything, it compares the token in the
  lease with its own, and stops if another process has taken the lease over.
- Nobody takes over the lease of an owner that lives. Its time was set by the file system, and is compared with the
  time of a file that was made there just now: the clocks of the machines do not matter.
- Nobody waits for an owner that has ended on the same machine: if the boot id is the same and the lock was free, it has
  ended. One that ends regularly makes its lease old.
- If several find a lease old, one gets it: the one that creates `.lease.N.tmp` (O_EXCL), where N is the number of the
  current ten seconds, if there is no `.lease.(N-1).tmp`. It writes its token there, looks at the lease once more, in
  case another process was faster, and renames the file. If all this has taken five seconds, it gives up instead.
- A process that ends in between leaves its `.lease.N.tmp`. Its time passes; on the same machine it is removed.

A process renews and returns only the file that it has open, never one that has taken over its name. One danger remains:
a process that is stopped between a comparison and the change that follows. No file system prevents that change.
"""

import errno
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from vitreport.errors import BusyError, SpecError, StorageError
from vitreport.files import TEMPORARY_SUFFIX, checked_writes, locked, storage_errors

RENEWAL_SECONDS = 10
STALE_SECONDS = 60  # five renewals may come late: a server may be slow, and NFS caches a time for up to a minute
PERIOD_SECONDS = 10  # to replace a lease takes milliseconds
POLL_SECONDS = 0.5
MAX_LEASE_BYTES = 200
GONE = (errno.ENOENT, errno.ESTALE)  # ESTALE: removed by another machine while it was open here
Note = Callable[[str], None]


class _Lease(NamedTuple):
    content: bytes = b""
    renewed: float = 0.0  # seconds of the file system's clock; 0 after the owner has returned the lease


@contextmanager
def leased(
    lock: Path, name: str, *, timeout: float = -1, hint: str = "wait for it, or stop it", note: Note = lambda line: None
) -> Iterator[Callable[[], None]]:
    """Hold a lock file and the lease beside it; the result raises BusyError if another process has taken it over.

    Raises BusyError, with the `name` of the place, if a process on this machine keeps the lock for `timeout` seconds
    (negative: wait as long as it takes), or one on another machine renews the lease; StorageError if the files cannot
    be made. `note` receives a line before it waits for up to a minute to see whether the lease is renewed.
    """
    path, busy = _lease_of(lock), BusyError(f"{name} is in use by another process", hint)
    with locked(lock, timeout=timeout, busy=busy.message, hint=hint) as is_alone:
        with storage_errors(path):
            waited = f"{name} may be in use on another machine: waiting up to {STALE_SECONDS} seconds to find out"
            content, descriptor = _acquire(path, is_alone, busy if timeout >= 0 else None, lambda: note(waited))

        def check() -> None:
            with storage_errors(path):
                if _look(path).content != content:
                    raise BusyError(f"{name} was taken over by another process", "run the same command again")

        with _renewed(descriptor), checked_writes(check):
            yield check


def is_leased(lock: Path) -> bool:
    """Return whether a living process holds it; False if it cannot be read, as on a read-only disk."""
    path = _lease_of(lock)
    try:
        with locked(lock, timeout=0) if os.path.lexists(lock) else nullcontext(True) as is_alone:
            return not _is_over(path, _look(path), is_alone)
    except BusyError:
        return True
    except (SpecError, StorageError, OSError):
        return False


def _lease_of(lock: Path) -> Path:
    return lock.with_name(f"{lock.name.removesuffix('lock')}lease")


def _acquire(path: Path, is_alone: bool, busy: BusyError | None, wait: Callable[[], None]) -> tuple[bytes, int]:
    """Return a new lease, as its content and its open file, once there is no other; raise `busy` if that is renewed."""
    first: _Lease | None = None
    while True:
        seen = _look(path)
        if _is_over(path, seen, is_alone):
            if mine := _replace(path, seen, is_alone):
                return mine
        elif first is None:
            first = seen
            wait()
        elif seen != first and busy:
            raise busy
        time.sleep(POLL_SECONDS)


def _replace(path: Path, seen: _Lease, is_alone: bool) -> tuple[bytes, int] | None:
    """Replace a lease that is over; return None if another process does so, or was faster."""
    started, period = time.monotonic(), int(_now(path.parent) // PERIOD_SECONDS)
    claim, before = (path.with_name(f"{path.name}.{number}{TEMPORARY_SUFFIX}") for number in (period, period - 1))
    for left in (claim, before):
        if is_alone and _look(left).content.endswith(_boot()):
            os.unlink(left)
    try:
        descriptor = os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        return None
    is_mine, content = False, secrets.token_hex(16).encode() + b" " + _boot()
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)  # over NFS, other machines read what has reached the server
        is_first = os.fstat(descriptor).st_mtime // PERIOD_SECONDS == period and _look(before) == _Lease()
        if is_first and _look(path) == seen and time.monotonic() - started < PERIOD_SECONDS / 2:
            with suppress(FileNotFoundError):  # another process has cleaned up
                os.replace(claim, path)
                is_mine = True
    finally:
        if not is_mine:
            os.close(descriptor)
            with suppress(FileNotFoundError):
                os.unlink(claim)
    return (content, descriptor) if is_mine else None


def _look(path: Path) -> _Lease:
    """Read a lease. To open it makes an NFS client ask the server for what it has cached."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return _Lease(os.read(descriptor, MAX_LEASE_BYTES), os.fstat(descriptor).st_mtime)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return _Lease()


def _is_over(path: Path, lease: _Lease, is_alone: bool) -> bool:
    """Return whether an owner has ended: it had the lock that this process has alone, or does not renew the lease."""
    is_own_machine = is_alone and lease.content.endswith(_boot())
    return not lease.renewed or is_own_machine or _now(path.parent) - lease.renewed > STALE_SECONDS


def _now(folder: Path) -> float:
    """Return the time of the clock that dates the files in a folder: over NFS, that of the server."""
    with tempfile.TemporaryFile(dir=folder) as new:
        return os.fstat(new.fileno()).st_mtime


@contextmanager
def _renewed(descriptor: int) -> Iterator[None]:
    """Renew the lease in a thread, however long a step or an evaluation takes, and return it at the end."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(RENEWAL_SECONDS):
            with suppress(OSError):
                os.utime(descriptor)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):
            os.utime(descriptor, (0, 0))
        os.close(descriptor)


@cache
def _boot() -> bytes:
    """Return a random id that the machine has until it is started again; where there is none, that of this process."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    return secrets.token_hex(16).encode()
