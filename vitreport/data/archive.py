"""Files in folders, zip and tar archives, read where they lie: nothing is ever unpacked onto the disk.

A file is known by its path under the root of its tree, with slashes. Archives are opened only after their checksum was
compared with the published one, so their members are trusted.
"""

import os
import tarfile
from collections.abc import Collection, Iterator
from io import BytesIO
from operator import methodcaller
from pathlib import Path
from threading import Lock
from typing import BinaryIO
from zipfile import ZipFile

from vitreport.errors import DatasetError
from vitreport.untrusted_files import open_bounded, reading_errors

DEEPEST = 4
REPLACE_HINT = "replace it, or remove it to download it again"
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)


def is_image(path: str) -> bool:
    """Whether a name ends as that of an image."""
    return path.lower().endswith(SUFFIXES)


class DiskTree:
    """A folder of the file system. Links are followed wherever they lead."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.place = str(self._root)

    def files(self) -> list[str]:
        """List the files in it and in folders up to four levels deep, without hidden ones, sorted by their parts.

        Empty folders, deeper ones and those in the root that may not be read are listed with a slash at the end. Raises
        DatasetError if another folder cannot be read.
        """
        return sorted(self._walk(""), key=methodcaller("split", "/"))

    def open(self, path: str) -> BinaryIO:
        """Open a file. Raises UnreadableFileError."""
        return open_bounded(self._root / path)

    def _walk(self, folder: str) -> Iterator[str]:
        with reading_errors(DatasetError, self._root / folder, "check that it is there and may be read"):
            entries = [entry for entry in os.scandir(self._root / folder) if not entry.name.startswith(".")]
            if folder and not entries:
                yield f"{folder}/"
            for entry in entries:
                path = f"{folder}/{entry.name}".lstrip("/")
                if not entry.is_dir():
                    yield path
                elif path.count("/") < DEEPEST and (folder or os.access(entry, os.R_OK | os.X_OK)):
                    yield from self._walk(path)
                else:
                    yield f"{path}/"


class ZipTree:
    """The files in the folder `root` of a zip archive, which stays open as long as this does."""

    def __init__(self, path: Path, root: str) -> None:
        self.place = f"{path}/{root}"
        self._root = f"{root}/"
        self._lock = Lock()
        self._zip = ZipFile(path)

    def files(self) -> list[str]:
        """List the files, sorted by their parts."""
        names = (name for name in self._zip.namelist() if name.startswith(self._root) and not name.endswith("/"))
        return sorted((name.removeprefix(self._root) for name in names), key=methodcaller("split", "/"))

    def open(self, path: str) -> BinaryIO:
        """Read a file into memory."""
        with self._lock:
            return BytesIO(self._zip.read(self._root + path))


Tree = DiskTree | ZipTree


def tar_members(path: Path, folder: str, wanted: Collection[str]) -> dict[str, bytes]:
    """Return files from a folder in a gzipped tar archive, by name; reading ends with the last of them."""
    contents: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            home, _, name = member.name.rpartition("/")
            if home == folder and name in wanted and (file := archive.extractfile(member)):
                contents[name] = file.read()
            if len(contents) == len(wanted):
                break
    return contents


def read_text(tree: Tree, path: str) -> str:
    """Read a text in UTF-8. Raises DatasetError if it cannot be read."""
    with reading_errors(DatasetError, f"{tree.place}/{path}", REPLACE_HINT), tree.open(path) as file:
        return file.read().decode("utf-8-sig")


def shown(name: str) -> str:
    """Return a name as it can be printed: control characters and undecodable bytes are escaped."""
    return name if name.isprintable() else ascii(name)
