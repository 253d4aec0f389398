"""Write files so that a crash at any moment leaves the old content or the new, and read no more than was allowed."""

import errno
import hashlib
import io
import json
import math
import os
import select
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitreport.errors import FullDiskError, SpecError, StorageError
from vitreport.text import compact

TEMPORARY_SUFFIX = ".tmp"
MAX_WEIGHTS_BYTES = 4 << 30
BASE_NAME_CHARACTERS = 48  # of a temporary name: at most 192 bytes of the 255 that a name may have
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows lacks these two
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
BINARY = getattr(os, "O_BINARY", 0)
LINK = "is a link, which is not followed"


class UnreadableFileError(Exception):
    """Why a file was not read. `reason` completes "FILE ..." or "FILE: ..."; `is_missing` if there is no such file."""

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        self.reason = reason
        self.is_missing = is_missing
        super().__init__(reason)


def open_bounded(path: Path, most: int | None = None, *, links: bool = True, pipes: bool = False) -> io.BufferedReader:
    """Open a regular file of at most `most` bytes for reading; what is opened is what was checked.

    Args:
        path: The file.
        most: The largest size in bytes; None for any size.
        links: Follow a link. Files of a run folder are never links.
        pipes: Accept a pipe too. Its size is not known, so the caller bounds what it reads.

    Raises:
        UnreadableFileError: If the file is missing, too large, of another kind, or cannot be read.
    """
    with _read_errors(links=links):
        if not links and not NO_FOLLOW and path.is_symlink():
            raise UnreadableFileError(LINK)
        descriptor = os.open(path, os.O_RDONLY | NO_WAIT | BINARY | (0 if links else NO_FOLLOW))
    try:
        status = os.fstat(descriptor)
        _refuse_unreadable(status, most, pipes=pipes)
        if stat.S_ISFIFO(status.st_mode):
            _wait_for_writer(descriptor)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bounded(path: Path, most: int, *, links: bool = True, pipes: bool = False) -> bytes:
    """Read a file of at most `most` bytes as `open_bounded` opens it.

    Raises:
        UnreadableFileError: If the file is missing, too large, of another kind, or cannot be read.
    """
    with open_bounded(path, most, links=links, pipes=pipes) as file, _read_errors(links=links):
        content = file.read(most + 1)  # a pipe, or a file that grows, may hold more than its size says
    if content is None:  # a file of the kernel's that has nothing to say yet
        raise UnreadableFileError("cannot be read: it has no content yet")
    if len(content) > most:
        raise UnreadableFileError(_too_large(most))
    return content


@contextmanager
def _read_errors(*, links: bool) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableFileError("is missing", is_missing=True) from error
    except OSError as error:
        is_link = not links and error.errno == errno.ELOOP
        reason = LINK if is_link else f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise UnreadableFileError(reason) from error
    except ValueError as error:  # a null character in the path, or text that is no path
        raise UnreadableFileError(f"cannot be read: {error}") from error


def _refuse_unreadable(status: os.stat_result, most: int | None, *, pipes: bool) -> None:
    if pipes and stat.S_ISFIFO(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFileError(f"is {_kind(status.st_mode)}, not a regular file")
    if most is not None and status.st_size > most:
        raise UnreadableFileError(_too_large(most))


def _too_large(most: int) -> str:
    for size, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if most >= size:
            return f"is larger than {most / size:.3g} {name}"
    return f"is larger than {most} bytes"


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def _wait_for_writer(descriptor: int) -> None:
    """Wait until something was written to a pipe or its writer has closed it: reading before that would find an end."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    waiting.poll()
    os.set_blocking(descriptor, True)


def entry_fault(path: Path, *, folder: bool = False) -> str | None:
    """Say why an entry of a run folder is not the regular file, or the folder, that it has to be; None if it is.

    An entry that does not exist has no fault.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    if stat.S_ISLNK(mode):
        return LINK
    if stat.S_IFMT(mode) == (stat.S_IFDIR if folder else stat.S_IFREG):
        return None
    return f"is {_kind(mode)}, not a {'folder' if folder else 'regular file'}"


def write_atomic(path: Path, content: bytes) -> None:
    """Write to a temporary name, flush, rename, flush the folder.

    Raises StorageError where the disk is full or the place cannot be written; `path` is then as it was.
    """
    temporary = path.with_name(f".{path.name[:BASE_NAME_CHARACTERS]}.{os.getpid()}{TEMPORARY_SUFFIX}")
    with storage_errors(path, len(content)):
        try:
            _write_flushed(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, content)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)


def output_file(path: Path) -> Path:
    """The file that the user names to be written, behind links. Raises SpecError where something else is there."""
    try:
        if path.exists() and not path.is_file():
            raise SpecError(f"{path} is no file to write to", "name a file; without one the document goes to stdout")
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as error:  # a name that is too long, a loop of links
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise SpecError(f"cannot write {path}: {reason}", "choose another name") from error


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write `value` as JSON in its own order; NaN and infinities are refused with ValueError."""
    text = json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode(errors="backslashreplace"))  # half a character becomes JSON's own escape


def append_line(path: Path, line: str) -> None:
    """Append one line and flush it. A crash can leave a torn last line, which readers skip."""
    content = (line + "\n").encode()
    with storage_errors(path, len(content)):
        _write_flushed(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, content)


def file_digest(path: Path, most: int | None = None) -> str:
    """Return the SHA-256 of a file of at most `most` bytes; a larger file is refused before it is read.

    Raises:
        UnreadableFileError: If the file is missing, too large, of another kind, or cannot be read.
    """
    with open_bounded(path, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(path: Path) -> None:
    """Create a folder with its parents. Raises StorageError where that is not allowed."""
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_temporaries(folder: Path) -> int:
    """Remove what an interrupted `write_atomic` left; the number of files removed."""
    leftovers = list(folder.glob(f".*{TEMPORARY_SUFFIX}"))
    for leftover in leftovers:
        remove_file(leftover)
    return len(leftovers)


def remove_file(path: Path) -> None:
    """Remove a file if it is there. Raises StorageError where that is not allowed."""
    with storage_errors(path):
        path.unlink(missing_ok=True)


def _write_flushed(path: Path, flags: int, content: bytes) -> None:
    descriptor = os.open(path, flags | NO_FOLLOW, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder for flushing
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_unwritable(folder: Path) -> None:
    """Write and remove an empty file in a folder, or in the one in which it would be created.

    Raises:
        StorageError: nothing can be written there.
    """
    probe = _existing(folder) / f".probe.{os.getpid()}{TEMPORARY_SUFFIX}"
    with storage_errors(folder):
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        probe.unlink()


def _existing(path: Path) -> Path:
    """The path or the nearest folder above it that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def free_bytes(path: Path) -> float:
    """The room on the disk of a path, which need not exist yet; infinite where the disk does not tell."""
    try:
        usage = shutil.disk_usage(_existing(path))
    except OSError:
        return math.inf
    return usage.free if usage.total else math.inf


@contextmanager
def storage_errors(path: Path, size: int = 0) -> Iterator[None]:
    """Turn an OSError of writing `size` bytes (0 where they are not known) to `path` into StorageError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needs = f" needs {compact(size)}B" if size else ""
            free = free_bytes(path)
            left = f", {compact(free)}B are free" if free < size else ""  # else it is a quota, or another limit
            hint = "free some space, then the same command once more"
            raise FullDiskError(f"no space left: {path}{needs}{left}", hint) from error
        hint = "choose another place, or change its permissions"
        if error.errno == errno.ENOENT:
            hint = f"make the folder {path.parent} first"
        raise StorageError(f"cannot write {path}: {reason}", hint) from error
