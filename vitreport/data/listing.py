"""Which image files a folder holds, and what in it is left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vitreport.data.archive import Entry, Tree, shown
from vitreport.data.arrays import Labels
from vitreport.data.request import Notify
from vitreport.errors import DatasetError
from vitreport.formatting import counted

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
READABLE = "PNG, JPEG, TIFF, BMP, WebP, GIF or PNM"
RESTORE_HINT = "restore what they link to (with DVC: dvc pull), or remove them"
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


@dataclass
class Ignored:
    """The paths that are left out: files that are no images, images outside a class folder, unused folders."""

    files: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

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
    """Whether the name of a file, or of a link that should lead to one, ends as that of an image."""
    return entry.kind in ("file", "dead link") and entry.name.lower().endswith(SUFFIXES)


def image_count(tree: Tree, folder: str) -> str:
    """Count the images in a folder in words that continue a sentence; "" if there are none."""
    images = sum(map(is_image, tree.entries(folder)))
    return f"{counted(images, 'image')} without a class" if images else ""


def folder_names(tree: Tree, folder: str) -> tuple[str, ...]:
    """Return the names of the folders in a folder, each that of a class.

    Raises:
        DatasetError: A name is not printable, or a link leads nowhere.
    """
    entries = tree.entries(folder)
    refuse_dead_links(tree, folder, [entry for entry in entries if not is_image(entry)])
    names = tuple(entry.name for entry in entries if entry.kind == "folder")
    for name in names:
        if not name.isprintable():
            place = joined(tree.place, folder)
            raise DatasetError(f"{place} has a class folder with an unprintable name, {name!a}", "rename it")
    return names


def image_files(tree: Tree, folder: str, ignored: Ignored) -> list[ImageFile]:
    """Return what has the name of an image in a folder, at least one; add the paths of other entries to `ignored`.

    What cannot be opened, such as a dead link, is among them: decoding names all of these at once.

    Raises:
        DatasetError: The folder holds no image, or another link in it leads nowhere.
    """
    entries = tree.entries(folder)
    images = [entry for entry in entries if entry.name.lower().endswith(SUFFIXES)]
    others = [entry for entry in entries if not entry.name.lower().endswith(SUFFIXES)]
    refuse_dead_links(tree, folder, others)
    paths = [shown(joined(folder, entry.name)) for entry in others]
    ignored.files += paths
    if not images:
        found = f", but {counted(len(paths), 'other')}, such as {paths[0]}" if paths else ""
        convert = " (or convert them to PNG)" if paths else ""
        hint = f"add images{convert}, or remove the folder"
        raise DatasetError(f"{joined(tree.place, folder)} holds no {READABLE} file{found}", hint)
    return [ImageFile(joined(folder, entry.name), entry.size, entry.modified_ns, entry.inode) for entry in images]


def refuse_dead_links(tree: Tree, folder: str, entries: Iterable[Entry]) -> None:
    """Raise DatasetError where links in a folder lead nowhere."""
    if dead := [shown(joined(folder, entry.name)) for entry in entries if entry.kind == "dead link"]:
        verb = "is a dead link" if len(dead) == 1 else "are dead links"
        count = f" ({len(dead)} in all)" if len(dead) > SHOWN_ITEMS else ""
        raise DatasetError(f"{tree.place}: {some(dead)} {verb}{count}", RESTORE_HINT)


def refuse_difference(tree: Tree, first: str, first_names: Sequence[str], second: str, names: Sequence[str]) -> None:
    """Raise DatasetError where the classes at two places are not the same."""
    alone = [(first, set(first_names) - set(names)), (second, set(names) - set(first_names))]
    if differences := [f"only {place} has {some(sorted(extra))}" for place, extra in alone if extra]:
        both = f"the classes of {first} and {second} differ"
        raise DatasetError(f"{both}: {'; '.join(differences)}", tree.layout_hint)


def some(items: Sequence[str]) -> str:
    """Join the first few, which are printable already."""
    more = ", ..." if len(items) > SHOWN_ITEMS else ""
    return ", ".join(items[:SHOWN_ITEMS]) + more


def joined(folder: str, name: str) -> str:
    """Join two paths of which either may be empty."""
    return f"{folder}/{name}" if folder and name else folder or name
