"""Files in folders, zip and tar archives, read where they lie: nothing is ever unpacked onto the disk.

A file is known by its path under the root of its tree, with slashes. Archives are opened only after their checksum was
compared with the published one, so their members are trusted.
"""

import os
import tarfile
from collections.abc import Callable, Collection, Iterator
from io import BytesIO
from operator import attrgetter, methodcaller
from pathlib import Path
from threading import Lock
from typing import BinaryIO, NamedTuple
from zipfile import ZipFile

from vitreport.errors import DatasetError
from vitreport.untrusted_files import open_bounded, reading_errors

MAX_DEPTH = 4
PARTS = methodcaller("split", "/")
REPLACE_HINT = "replace it, or remove it to download it again"
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm")


def is_image(path: str) -> bool:
    """Return whether a name ends like that of an image."""
    return path.lower().endswith(SUFFIXES)


class Tree(NamedTuple):
    """Files in a folder or an archive, by their sorted paths; `place` names it to the user, `open` opens a file."""

    place: str
    files: list[str]
    open: Callable[[str], BinaryIO]


def disk_tree(root: Path) -> Tree:
    """List a folder and its folders up to four levels deep, without hidden files. Links are followed.

    Empty folders, deeper ones and those in the root that may not be read are listed with a slash at the end. Raises
    DatasetError if another folder cannot be read.
    """
    root = root.resolve()
    return Tree(str(root), list(_walk(root, "")), lambda path: open_bounded(root / path))


def _walk(root: Path, folder: str) -> Iterator[str]:
    """Yield the files sorted as by PARTS, which would take 300 bytes a file to sort at once."""
    with reading_errors(DatasetError, root / folder, "check that it is there and may be read"):
        entries = [entry for entry in os.scandir(root / folder) if not entry.name.startswith(".")]
        if folder and not entries:
            yield f"{folder}/"
        for entry in sorted(entries, key=attrgetter("name")):
            path = f"{folder}/{entry.name}".lstrip("/")
            if not entry.is_dir():
                yield path
            elif path.count("/") < MAX_DEPTH and (folder or os.access(entry, os.R_OK | os.X_OK)):
                yield from _walk(root, path)
            else:
                yield f"{path}/"


def zip_tree(path: Path, folder: str) -> Tree:
    """List the files in a folder of a zip archive, which stays open as long as this is used."""
    archive, lock = ZipFile(path), Lock()

    def opened(name: str) -> BinaryIO:
        with lock:
            return BytesIO(archive.read(f"{folder}/{name}"))

    names = (name for name in archive.namelist() if name.startswith(f"{folder}/") and not name.endswith("/"))
    return Tree(f"{path}/{folder}", sorted((name.removeprefix(f"{folder}/") for name in names), key=PARTS), opened)


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
