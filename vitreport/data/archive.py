"""Files in folders, zip and tar archives, read where they lie: nothing is ever unpacked onto the disk."""

import errno
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Literal, NamedTuple, Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from vitreport.errors import DatasetError
from vitreport.reading import UnreadableFileError, open_bounded

MAX_MEMBERS = 200_000
MAX_BYTES = 2**32
MAX_FILE_BYTES = 2**26
REPLACE_HINT = "replace it, or remove it to download anew"


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
            with os.scandir(self._inside(self._root / folder)) as found:
                visible = sorted((each for each in found if not each.name.startswith(".")), key=lambda each: each.name)
            return [self._entry(each) for each in visible]
        except (FileNotFoundError, NotADirectoryError) as error:
            fault = f"has no folder {folder}" if folder else "is not a folder"
            raise DatasetError(f"{self.place} {fault}", self.layout_hint) from error
        except OSError as error:
            place = error.filename or self.place
            raise DatasetError(f"{place} cannot be read: {error.strerror}", "mend its permissions") from error

    def open(self, path: str) -> BinaryIO:
        try:
            return open_bounded(self._inside(self._root / path))
        except UnreadableFileError as error:
            raise error.__cause__ if isinstance(error.__cause__, OSError) else OSError(error.reason) from error

    def _inside(self, path: Path) -> Path:
        """The path, where its links stay inside or may be followed."""
        if self._linked and (path.name.lower().endswith(self._linked) or path.is_dir()):
            return path
        if not Path(os.path.realpath(path)).is_relative_to(self._root):
            raise DatasetError(f"{shown(str(path))} is a link out of the data set", "copy the files")
        return path

    def _entry(self, found: "os.DirEntry[str]") -> Entry:
        if found.is_symlink() and not self._linked:
            self._inside(Path(found.path))
        if found.is_symlink() and not Path(found.path).exists():
            return Entry(found.name, "dead link")
        if not found.is_file():
            return Entry(found.name, "folder" if found.is_dir() else "other")
        status = found.stat()
        inode = (status.st_dev, status.st_ino, status.st_ctime_ns)
        return Entry(found.name, "file", status.st_size, status.st_mtime_ns, inode)


class ZipTree:
    """The folder `root` of a zip archive, which stays open as long as this does; a file is in memory once opened.

    Raises DatasetError where the archive is damaged or has members that `_Gate` refuses.
    """

    def __init__(self, path: Path, root: str, layout_hint: str) -> None:
        self.place = f"{path}/{root}"
        self.layout_hint = layout_hint
        self._root = root
        self._lock = Lock()
        with _unpacking(path):
            self._zip = ZipFile(path)
            self._folders = _folders(path, self._zip.infolist())

    def entries(self, folder: str) -> list[Entry]:
        found = self._folders.get(f"{self._root}/{folder}".rstrip("/"))
        if found is None:
            raise DatasetError(f"{self.place} has no folder {folder}", self.layout_hint)
        return sorted(entry for entry in found.values() if not entry.name.startswith("."))

    def open(self, path: str) -> BinaryIO:
        try:
            with self._lock, self._zip.open(f"{self._root}/{path}") as member:
                return BytesIO(member.read(MAX_FILE_BYTES))
        except KeyError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        except Exception as error:  # a damaged archive can raise almost anything
            raise OSError(f"damaged in the archive: {error}") from error


def tar_members(path: Path, folder: str, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """Files from a folder in a gzipped tar archive, by name, each of at most as many bytes as `wanted` says.

    Reading ends with the last of them. Raises DatasetError where one is missing or too large, or where the archive
    is damaged or has members that `_Gate` refuses.
    """
    contents: dict[str, bytes] = {}
    gate = _Gate(path)
    with _unpacking(path), tarfile.open(path, "r:gz") as archive:
        for member in archive:
            gate.admit(member.name, member.size, _tar_fault(member))
            home, _, name = member.name.rpartition("/")
            if home == folder and name in wanted:
                contents[name] = _content(path, archive, member, wanted[name])
            if len(contents) == len(wanted):
                return contents
    missing = ", ".join(name for name in wanted if name not in contents)
    raise DatasetError(f"{path} does not hold {missing}", REPLACE_HINT)


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Turn an OSError into a DatasetError about the file that it names, or else about `place`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DatasetError(f"{error.filename or place} cannot be read: {reason}", "unpack or copy it again") from error


def shown(name: str) -> str:
    """A name as it can be printed: control characters and undecodable bytes are escaped."""
    return name if name.isprintable() else ascii(name)


class _Gate:
    """Lets the members of an archive pass as long as they stay inside it and within the limits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members = 0
        self._bytes = 0

    def admit(self, name: str, size: int, fault: str) -> None:
        """Raises DatasetError for a member with a `fault`, or one too many or too large."""
        self._members += 1
        self._bytes += size
        if fault := fault or self._fault(name, size):
            raise DatasetError(f"{self._path}: the member {shown(name)} {fault}", "do not trust this archive")

    def _fault(self, name: str, size: int) -> str:
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            return "leads out of the archive"
        if self._members > MAX_MEMBERS:
            return f"is one of more than {MAX_MEMBERS}"
        if size < 0 or self._bytes > MAX_BYTES:
            return f"brings what is unpacked above {MAX_BYTES} bytes"
        return ""


def _tar_fault(member: tarfile.TarInfo) -> str:
    return "" if member.isfile() or member.isdir() else "is a link or a device"


def _zip_fault(member: ZipInfo) -> str:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link or a device"
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # others unpack without a limit
        return "is packed in a way that is not read"
    return f"has more than {MAX_FILE_BYTES} bytes" if member.file_size > MAX_FILE_BYTES else ""


def _content(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > limit:
        raise DatasetError(f"{path}: {member.name} is no file of at most {limit} bytes", REPLACE_HINT)
    return file.read(limit)


def _folders(path: Path, members: Iterable[ZipInfo]) -> dict[str, dict[str, Entry]]:
    """What stands in each folder, by its name; a folder need not be a member to hold some."""
    gate = _Gate(path)
    folders: dict[str, dict[str, Entry]] = {"": {}}
    for member in members:
        gate.admit(member.filename, member.file_size, _zip_fault(member))
        *parents, name = member.filename.rstrip("/").split("/")
        folder = ""
        for parent in parents:
            folders[folder].setdefault(parent, Entry(parent, "folder"))
            folder = f"{folder}/{parent}" if folder else parent
            folders.setdefault(folder, {})
        kind: Literal["file", "folder"] = "folder" if member.is_dir() else "file"
        folders[folder].setdefault(name, Entry(name, kind, member.file_size))
    return folders


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:  # a damaged archive can raise almost anything
        reason = error.strerror if isinstance(error, OSError) else None
        raise DatasetError(f"{path} cannot be unpacked: {reason or error}", REPLACE_HINT) from error
