"""Read files that others may have written: regular files only, of a bounded size."""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitreport.errors import VitreportError

MAX_WEIGHTS_BYTES = 4 << 30
LINK = "is a link, which is not followed"


@contextmanager
def reading_errors(kind: type[VitreportError], subject: object, hint: str = "") -> Iterator[None]:
    """Turn an OSError, or bytes that are not UTF-8, into an error of this kind."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise kind(f"{subject}: byte {error.start} is not UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise kind(f"{error.filename or subject} {reading_fault(error)}", hint) from error


def reading_fault(error: OSError) -> str:
    """Complete "FILE ..." or "FILE: ..." with why it was not read."""
    if error.errno is None:  # of `open_bounded`
        return str(error)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "is missing"
    return f"cannot be read: {str(error.strerror).lower()}"


def open_bounded(path: Path, max_bytes: int | None = None, *, links: bool = True) -> io.BufferedReader:
    """Open a regular file of at most `max_bytes` (None: any size); what is opened is what was checked.

    `links` follows a link: files of a run folder are never links. Raises OSError if the file is missing, too
    large, of another kind, or cannot be read; see `reading_fault`.
    """
    if "\0" in str(path):
        raise OSError("cannot be read: embedded null byte")
    if not links and path.is_symlink():
        raise OSError(LINK)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW))
    status, fault = os.fstat(descriptor), ""
    if not stat.S_ISREG(status.st_mode):
        fault = "is not a regular file"
    elif max_bytes is not None and status.st_size > max_bytes:
        fault = _too_large(max_bytes)
    if fault:
        os.close(descriptor)
        raise OSError(fault)
    return open(descriptor, "rb")


def read_bounded(path: Path, max_bytes: int, *, links: bool = True) -> bytes:
    """Read a file of at most `max_bytes` as `open_bounded` opens it."""
    with open_bounded(path, max_bytes, links=links) as file:
        content = file.read(max_bytes + 1)  # a file that grows, or one of the kernel, may hold more than its size says
    if len(content) > max_bytes:
        raise OSError(_too_large(max_bytes))
    return content


def file_digest(path: Path, max_bytes: int | None = None) -> str:
    """Return the SHA-256 of a file as `open_bounded` opens it: a larger one is refused before it is read."""
    with open_bounded(path, max_bytes) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _too_large(max_bytes: int) -> str:
    return f"is larger than {max_bytes / 2**20:.4g} MiB"
