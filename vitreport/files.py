"""Write files so that a crash at any moment leaves the old content or the new, never a mixture."""

import errno
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from vitreport.errors import BusyError, FullDiskError, SpecError, StorageError

NAME_ERRORS = (errno.ENAMETOOLONG, errno.ELOOP, errno.EILSEQ)
TEMPORARY_SUFFIX = ".tmp"
BASE_NAME_CHARACTERS = 48  # of a temporary name: at most 192 bytes of the 255 that a name may have
_check: ContextVar[Callable[[], None]] = ContextVar("check", default=lambda: None)


@contextmanager
def checked_writes(check: Callable[[], None]) -> Iterator[None]:
    """Call `check` in the block right before a file is replaced, appended to or removed; its error prevents that."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def write_atomic(path: Path, content: bytes) -> None:
    """Write to a temporary name, flush, rename, flush the folder. After a StorageError, `path` is as it was."""
    unique = secrets.randbits(32)  # machines that share a disk may have processes of the same number
    temporary = path.with_name(f".{path.name[:BASE_NAME_CHARACTERS]}.{unique}{TEMPORARY_SUFFIX}")
    with storage_errors(path):
        try:
            _write_flushed(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, content)
            _check.get()()
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write `value` as JSON in its own order; NaN and infinities are refused with ValueError."""
    text = json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode(errors="backslashreplace"))  # half a character becomes JSON's own escape


def append_line(path: Path, line: str) -> None:
    """Append one line and flush it. A crash can leave a torn last line, which readers skip."""
    _check.get()()
    with storage_errors(path):
        _write_flushed(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, (line + "\n").encode())


def _write_flushed(path: Path, flags: int, content: bytes) -> None:
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create a folder with its parents. Raises StorageError if that is not allowed."""
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file if it is there. Raises StorageError if that is not allowed."""
    _check.get()()
    with storage_errors(path):
        path.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> int:
    """Remove what interrupted calls of `write_atomic` left in a folder that is locked; return the number of files.

    Over NFS, the names in a folder may be a minute old until this machine makes a file there; afterwards they are not.
    """
    with suppress(OSError):
        tempfile.TemporaryFile(dir=folder).close()
    leftovers = list(folder.glob(f".*{TEMPORARY_SUFFIX}"))
    for leftover in leftovers:
        remove_file(leftover)
    return len(leftovers)


def output_path(path: Path, *, is_folder: bool = False) -> Path:
    """Return where an output is written, behind links, after checking that it can be made there.

    Raises SpecError if something else is at that path or the system does not accept the name, StorageError if the place
    is missing or cannot be written.
    """
    kind, is_right = ("directory", Path.is_dir) if is_folder else ("regular file", Path.is_file)
    with storage_errors(path):
        if path.exists() and not is_right(path):
            raise SpecError(f"{path} is not a {kind}", f"give the path of a {kind}")
    if is_folder:
        check_writable(path)  # it is made with its parents
        return path
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    with storage_errors(target):
        tempfile.TemporaryFile(dir=target.parent).close()
    return target


def shown_path(path: Path) -> Path:
    """Return a path as messages show it: relative to the working directory if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def check_writable(folder: Path) -> None:
    """Raise StorageError if a folder cannot be written, or the nearest existing one above it."""
    with storage_errors(folder):
        tempfile.TemporaryFile(dir=_existing(folder)).close()


def _existing(path: Path) -> Path:
    """Return the path or the nearest folder above it that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if os.path.lexists(each))


def free_bytes(path: Path) -> int:
    """Return the free space on the disk of a path, which need not exist yet."""
    return shutil.disk_usage(_existing(path)).free


@contextmanager
def locked(
    path: Path,
    *,
    timeout: float = -1,
    busy: str = "another process is writing there",
    hint: str = "wait for it, or stop it",
) -> Iterator[bool]:
    """Hold a lock file in an existing folder. The system frees the lock when the process ends, however it ends.

    The result is False on a file system without locks. Raises BusyError if another process has held the lock for
    `timeout` seconds (negative: wait as long as it takes), StorageError if the file cannot be made or locked.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout, fallback_to_soft=False)
    with storage_errors(path):
        try:
            lock.acquire()
        except Timeout as error:  # an OSError too
            raise BusyError(busy, hint) from error
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
    try:
        yield lock.is_locked
    finally:
        lock.release()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of writing to `path` into StorageError, or SpecError for a name."""
    try:
        yield
    except OSError as error:
        if error.errno in NAME_ERRORS:
            raise SpecError(f"cannot write {path}: {str(error.strerror).lower()}", "choose another name") from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space, then run the same command again"
            raise FullDiskError(f"no space left: {path}", hint) from error
        missing = f"create the directory {path.parent} first" if error.errno == errno.ENOENT else ""
        hint = missing or "choose another place, or change its permissions"
        raise StorageError(f"cannot write {path}: {error.strerror or error}", hint) from error
