"""Read files that others may have written: regular files only, of a bounded size."""

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitreport.errors import ResourceError, VitreportError

MAX_WEIGHTS_BYTES = 4 << 30
LINK = "is a link, which is not followed"


class UnreadableFileError(Exception):
    """A file that was not read; `reason` completes "FILE ..." or "FILE: ...", `is_missing` if there is no such file."""

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        self.reason = reason
        self.is_missing = is_missing
        super().__init__(reason)


@contextmanager
def reading_errors(kind: type[VitreportError], subject: object, hint: str = "") -> Iterator[None]:
    """Turn an UnreadableFileError, an OSError, or bytes that are not UTF-8 into an error of this kind."""
    try:
        yield
    except UnreadableFileError as error:
        raise kind(f"{subject} {error.reason}", hint) from error
    except UnicodeDecodeError as error:
        raise kind(f"{subject}: byte {error.start} is not UTF-8", "save it as UTF-8") from error
    except OSError as error:
        refuse_shortage(error)
        raise kind(f"{error.filename or subject} {_unreadable(error)}", hint) from error


def open_bounded(path: Path, most: int | None = None, *, links: bool = True) -> io.BufferedReader:
    """Open a regular file of at most `most` bytes (None: any size); what is opened is what was checked.

    `links` follows a link: files of a run folder are never links.

    Raises:
        UnreadableFileError: If the file is missing, too large, of another kind, or cannot be read.
    """
    with _read_errors(links=links):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW))
    status, fault = os.fstat(descriptor), ""
    if not stat.S_ISREG(status.st_mode):
        fault = "is not a regular file"
    elif most is not None and status.st_size > most:
        fault = _too_large(most)
    if fault:
        os.close(descriptor)
        raise UnreadableFileError(fault)
    return open(descriptor, "rb")


def read_bounded(path: Path, most: int, *, links: bool = True) -> bytes:
    """Read a file of at most `most` bytes as `open_bounded` opens it."""
    with open_bounded(path, most, links=links) as file, _read_errors(links=links):
        content = file.read(most + 1)  # a file that grows, or one of the kernel, may hold more than its size says
    if len(content) > most:
        raise UnreadableFileError(_too_large(most))
    return content


def file_digest(path: Path, most: int | None = None) -> str:
    """Return the SHA-256 of a file as `open_bounded` opens it: a larger one is refused before it is read."""
    with open_bounded(path, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _too_large(most: int) -> str:
    return f"is larger than {most / 2**20:.4g} MiB"


@contextmanager
def _read_errors(*, links: bool) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableFileError("is missing", is_missing=True) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        refuse_shortage(error)
        is_link = not links and isinstance(error, OSError) and error.errno == errno.ELOOP
        raise UnreadableFileError(LINK if is_link else _unreadable(error)) from error


def refuse_shortage(error: Exception) -> None:
    """Raise ResourceError if the system has no memory or no open files left, which is no fault of a file."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        raise ResourceError("out of memory", "close other programs") from error
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        raise ResourceError("too many open files", "raise the limit (`ulimit -n`)") from error


def _unreadable(error: Exception) -> str:
    return f"cannot be read: {(getattr(error, 'strerror', None) or str(error)).lower()}"
