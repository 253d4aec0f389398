"""Which image files a folder holds, and what in it is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vitreport.data.archive import Entry, Tree, shown
from vitreport.data.cache import Notify
from vitreport.data.splits import SPLIT_ORDER, Labels
from vitreport.errors import DatasetError
from vitreport.formatting import counted

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
READABLE = "PNG, JPEG, TIFF, BMP, WebP, GIF or PNM"
SHOWN_ITEMS = 3


class ImageFile(NamedTuple):
    """An image file: its path under the root, its size, its modification time and what tells it from a copy."""

    path: str
    size: int
    modified_ns: int
    inode: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Listing:
    """The image files in `tree` and the labels (N,) of their classes, by split; `source` says where they are from."""

    tree: Tree
    classes: tuple[str, ...]
    files: dict[str, list[ImageFile]]
    labels: dict[str, Labels]
    source: str = "folder of images"

    def counts(self) -> dict[str, int]:
        return {split: len(self.files[split]) for split in SPLIT_ORDER if split in self.files}


@dataclass
class Ignored:
    """The paths that are left out: files that are no images, images outside a class folder, unused folders."""

    files: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def add_strays(self, tree: Tree, folder: str) -> None:
        """Add the images that lie in a folder which should hold class folders only."""
        self.strays += [shown(_joined(folder, entry.name)) for entry in tree.entries(folder) if is_image(entry)]

    def report(self, tree: Tree, notify: Notify) -> None:
        """Send one line about everything that is left out."""
        kinds = (
            (self.folders, "folder", ""),
            (self.strays, "image", " without a class"),
            (self.files, "other file", ""),
        )
        parts = [f"{counted(len(paths), noun)}{what} ({some(paths)})" for paths, noun, what in kinds if paths]
        if parts:
            notify(f"{tree.place}: ignored {', '.join(parts)}")


def is_image(entry: Entry) -> bool:
    """Whether a file's name ends as that of an image which can be read."""
    return entry.kind == "file" and entry.name.lower().endswith(SUFFIXES)


def folder_names(tree: Tree, folder: str) -> tuple[str, ...]:
    """Return the names of the folders in a folder, each that of a class.

    Raises:
        DatasetError: A name is not printable, or a link leads nowhere.
    """
    entries = tree.entries(folder)
    refuse_dead_links(tree, folder, [e for e in entries if not e.name.lower().endswith(SUFFIXES)])
    names = tuple(entry.name for entry in entries if entry.kind == "folder")
    for name in names:
        if not name.isprintable():
            place = _place(tree, folder)
            raise DatasetError(f"{place} has a class folder with an unprintable name, {name!a}", "rename it")
    return names


def image_files(tree: Tree, folder: str, ignored: Ignored) -> list[ImageFile]:
    """Return the image files in a folder, at least one; add the paths of its other entries to `ignored`.

    Raises:
        DatasetError: The folder holds no image, or something with the name of an image that is no file.
    """
    files, others = [], []
    entries = tree.entries(folder)
    refuse_dead_links(tree, folder, entries)
    for entry in entries:
        path = _joined(folder, entry.name)
        if not entry.name.lower().endswith(SUFFIXES):
            others.append(shown(path))
        elif entry.kind != "file":
            raise DatasetError(f"{tree.place}/{shown(path)} is not a file", "remove it")
        else:
            files.append(ImageFile(path, entry.size, entry.modified_ns, entry.inode))
    ignored.files += others
    if not files:
        found = f", but {counted(len(others), 'other')}, such as {others[0]}" if others else ""
        hint = (
            "add images (or convert them to PNG), or remove the folder"
            if others
            else "add images, or remove the folder"
        )
        raise DatasetError(f"{_place(tree, folder)} holds no {READABLE} file{found}", hint)
    return files


def refuse_dead_links(tree: Tree, folder: str, entries: Sequence[Entry]) -> None:
    """Raise DatasetError where links in a folder lead nowhere."""
    if dead := [shown(_joined(folder, entry.name)) for entry in entries if entry.kind == "dead link"]:
        verb = "is a dead link" if len(dead) == 1 else "are dead links"
        hint = "restore what they link to (with DVC: dvc pull), or remove them"
        raise DatasetError(f"{tree.place}: {some(dead)} {verb}{_of(len(dead))}", hint)


def refuse_difference(tree: Tree, first: str, first_names: Sequence[str], second: str, names: Sequence[str]) -> None:
    """Raise DatasetError where the classes at two places are not the same."""
    alone = [(first, set(first_names) - set(names)), (second, set(names) - set(first_names))]
    if differences := [f"only {place} has {some(sorted(extra))}" for place, extra in alone if extra]:
        both = f"the classes of {first} and {second} differ"
        raise DatasetError(f"{both}: {'; '.join(differences)}", tree.layout_hint)


def some(items: Sequence[str]) -> str:
    """The first few, as they can be printed."""
    more = ", ..." if len(items) > SHOWN_ITEMS else ""
    return ", ".join(items[:SHOWN_ITEMS]) + more


def _of(count: int) -> str:
    return f" ({count} in all)" if count > SHOWN_ITEMS else ""


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _place(tree: Tree, folder: str) -> str:
    return f"{tree.place}/{folder}" if folder else tree.place
