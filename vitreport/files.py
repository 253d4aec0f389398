"""Writing files so that a crash at any moment leaves the old content or the new, never a mixture."""

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitreport.errors import FullDiskError, SpecError, StorageError
from vitreport.text import compact

TEMPORARY_SUFFIX = ".tmp"


def write_atomic(path: Path, content: bytes) -> None:
    """Write to a temporary name, flush, rename, flush the folder.

    Raises StorageError where the disk is full or the place cannot be written; `path` is then as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
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
    if path.exists() and not path.is_file():
        raise SpecError(f"{path} is no file to write to", "name a file; without one the document goes to stdout")
    return path.resolve() if path.is_symlink() else path


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write `value` as JSON in its own order; NaN and infinities are refused with ValueError."""
    text = json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode())


def append_line(path: Path, line: str) -> None:
    """Append one line and flush it. A crash can leave a torn last line, which readers skip."""
    content = (line + "\n").encode()
    with storage_errors(path, len(content)):
        _write_flushed(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, content)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file that the user names. Raises SpecError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SpecError(f"{path}: {(error.strerror or str(error)).lower()}", "give the path of a file") from error


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
    descriptor = os.open(path, flags, 0o644)
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
