"""Files in folders, zip and tar archives, read where they lie: nothing is ever unpacked onto the disk.

Archives are opened only after their checksum was compared with the published one, so their members are trusted.
"""

import errno
import os
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Literal, NamedTuple, Protocol
from zipfile import ZipFile

from vitreport.errors import DatasetError
from vitreport.untrusted_files import UnreadableFileError, open_bounded

MAX_FILE_BYTES = 2**26
MAX_TEXT_BYTES = 2**26
REPLACE_HINT = "replace it, or remove it to download it again"
DEAD_LINK = "dead link"


class Entry(NamedTuple):
    """An entry of a folder; for a file, also its size, its modification time and what tells it from a copy."""

    name: str
    kind: Literal["file", "folder", "dead link", "other"]
    size: int = 0
    modified_ns: int = 0
    inode: tuple[int, int, int] = (0, 0, 0)


class Tree(Protocol):
    """Folders and files by their paths under a root: `place`, to be laid out as `layout_hint` tells the user."""

    place: str
    layout_hint: str

    def entries(self, folder: str) -> list[Entry]:
        """What is not hidden in a folder ("" is the root), sorted by name. Raises DatasetError where there is none."""

    def open(self, path: str) -> BinaryIO:
        """Raises OSError where the file cannot be read."""


class DiskTree:
    """A folder of the file system, which may itself be a link.

    A link that leaves it is refused, except links to folders and to files with one of the endings `linked`: in a folder
    of the user's own, where images are often links to files elsewhere.
    """

    def __init__(self, root: Path, layout_hint: str, *, linked: tuple[str, ...] = ()) -> None:
        self._root = root.resolve()
        self._linked = linked
        self.place = str(self._root)
        self.layout_hint = layout_hint

    def entries(self, folder: str) -> list[Entry]:
        try:
            with os.scandir(self._inside(self._root / folder)) as entries:
                visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda e: e.name)
            return [self._entry(entry) for entry in visible]
        except (FileNotFoundError, NotADirectoryError) as error:
            fault = f"has no folder {folder}" if folder else "is not a folder"
            raise DatasetError(f"{self.place} {fault}", self.layout_hint) from error
        except OSError as error:
            place = error.filename or self.place
            raise DatasetError(f"{place} cannot be read: {error.strerror}", "change its permissions") from error

    def open(self, path: str) -> BinaryIO:
        try:
            file = self._inside(self._root / path)
            if file.is_symlink() and not file.exists():
                raise OSError(DEAD_LINK)
            return open_bounded(file)
        except UnreadableFileError as error:
            raise error.__cause__ if isinstance(error.__cause__, OSError) else OSError(error.reason) from error

    def _inside(self, path: Path) -> Path:
        """The path, where its links stay inside or may be followed."""
        if self._linked and (path.name.lower().endswith(self._linked) or path.is_dir()):
            return path
        if not Path(os.path.realpath(path)).is_relative_to(self._root):
            raise DatasetError(f"{shown(str(path))} is a link out of the data set", "copy the files")
        return path

    def _entry(self, entry: "os.DirEntry[str]") -> Entry:
        if entry.is_symlink() and not self._linked:
            self._inside(Path(entry.path))
        if entry.is_symlink() and not Path(entry.path).exists():
            return Entry(entry.name, "dead link")
        if not entry.is_file():
            return Entry(entry.name, "folder" if entry.is_dir() else "other")
        status = entry.stat()
        inode = (status.st_dev, status.st_ino, status.st_ctime_ns)
        return Entry(entry.name, "file", status.st_size, status.st_mtime_ns, inode)


class ZipTree:
    """The folder `root` of a zip archive, which stays open as long as this does; a file is in memory once opened.

    Raises DatasetError where the archive is damaged.
    """

    def __init__(self, path: Path, root: str, layout_hint: str) -> None:
        self.place = f"{path}/{root}"
        self.layout_hint = layout_hint
        self._root = root
        self._lock = Lock()
        self._folders: dict[str, dict[str, Entry]] = {"": {}}
        with _unpacking(path):
            self._zip = ZipFile(path)
        for member in self._zip.infolist():
            *parents, name = member.filename.rstrip("/").split("/")
            folder = ""
            for parent in parents:  # a folder need not be a member itself
                self._folders[folder].setdefault(parent, Entry(parent, "folder"))
                folder = f"{folder}/{parent}" if folder else parent
                self._folders.setdefault(folder, {})
            entry = Entry(name, "folder") if member.is_dir() else Entry(name, "file", member.file_size)
            self._folders[folder].setdefault(name, entry)

    def entries(self, folder: str) -> list[Entry]:
        entries = self._folders.get(f"{self._root}/{folder}".rstrip("/"))
        if entries is None:
            raise DatasetError(f"{self.place} has no folder {folder}", self.layout_hint)
        return sorted(entry for entry in entries.values() if not entry.name.startswith("."))

    def open(self, path: str) -> BinaryIO:
        try:
            with self._lock, self._zip.open(f"{self._root}/{path}") as member:
                return BytesIO(member.read(MAX_FILE_BYTES))
        except KeyError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        except Exception as error:  # a damaged archive can raise almost anything
            raise OSError(f"damaged in the archive: {error}") from error


def tar_members(path: Path, folder: str, wanted: Collection[str], most: int) -> dict[str, bytes]:
    """Return files from a folder in a gzipped tar archive, by name, each of at most `most` bytes.

    Reading ends with the last of them.

    Raises:
        DatasetError: One is missing or too large, or the archive is damaged.
    """
    contents: dict[str, bytes] = {}
    with _unpacking(path), tarfile.open(path, "r:gz") as archive:
        for member in archive:
            home, _, name = member.name.rpartition("/")
            if home == folder and name in wanted:
                file = archive.extractfile(member)
                if file is None or member.size > most:
                    raise DatasetError(f"{path}: {member.name} is no file of at most {most} bytes", REPLACE_HINT)
                contents[name] = file.read(most)
            if len(contents) == len(wanted):
                return contents
    missing = ", ".join(name for name in wanted if name not in contents)
    raise DatasetError(f"{path} does not hold {missing}", REPLACE_HINT)


def read_text(tree: Tree, path: str, hint: str) -> str:
    """Read a text in UTF-8. Raises DatasetError with a hint where it cannot be read or is too large."""
    try:
        with tree.open(path) as file:
            content = file.read(MAX_TEXT_BYTES + 1)
        if len(content) > MAX_TEXT_BYTES:
            raise ValueError(f"it has more than {MAX_TEXT_BYTES} bytes")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{tree.place}/{path} cannot be read: {error}", hint) from error


def shown(name: str) -> str:
    """A name as it can be printed: control characters and undecodable bytes are escaped."""
    return name if name.isprintable() else ascii(name)


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:  # a damaged archive can raise almost anything
        reason = error.strerror if isinstance(error, OSError) else None
        raise DatasetError(f"{path} cannot be unpacked: {reason or error}", REPLACE_HINT) from error
