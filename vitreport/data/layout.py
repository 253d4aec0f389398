"""How a folder of images is divided: which of its folders, or which file of labels, makes which split.

    ROOT/train/CLASS/*  and test/CLASS/*, val/CLASS/* or both: without test/ the images of val/ are the test split
    ROOT/CLASS/*        a fifth of each class becomes the test split, always the same
    ROOT/labels.csv     names the images and their classes, and perhaps their splits (see `label_file`)

The names of the split folders may be in capitals; val/ may be called valid/ or validation/.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.data.archive import Entry, Tree, shown
from vitreport.data.listing import SUFFIXES, Ignored, folder_names, is_image, refuse_dead_links, refuse_difference, some
from vitreport.errors import DatasetError
from vitreport.formatting import counted

LAYOUT_HINT = (
    "lay it out as train/CLASS/*.png and test/CLASS/*.png (or .jpg; val/CLASS/ is optional), with the same classes in "
    "each; as CLASS/*.png without a split; or as images with a labels.csv"
)
NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
LABEL_FILES = ("labels.csv", "train.csv", "train_labels.csv", "annotations.csv")
UNSPLIT = "all"


@dataclass(frozen=True)
class Layout:
    """`folders` maps a split to its folder, or UNSPLIT to the root; with a `label_file` it is empty."""

    folders: dict[str, str]
    label_file: str = ""

    @property
    def roles(self) -> dict[str, str]:
        """The split that each folder serves as: val/ is the test split where there is no test/."""
        if "val" in self.folders and "test" not in self.folders:
            return {"train": self.folders["train"], "test": self.folders["val"]}
        return self.folders


def find_layout(tree: Tree, *, published: bool = False) -> Layout:
    """Find the splits of a folder.

    Args:
        tree: The folder.
        published: Whether it must have train/ and test/, as a data set that was published so; val/ is not used.

    Raises:
        DatasetError: No layout fits, or two folders could be the same split.
    """
    if published:
        return Layout({"train": "train", "test": "test"})
    entries = tree.entries("")
    folders = _split_folders(tree, entries)
    if "train" in folders and _folders_in(tree, folders["train"]):
        return _split_layout(tree, folders, entries)
    if label_file := _label_file(tree, entries):
        return Layout({}, label_file)
    if folders:
        raise _no_classes(tree, folders, entries)
    return _unsplit_layout(tree, entries)


def classes_of(tree: Tree, layout: Layout) -> tuple[str, ...]:
    """Return the class folders, which are the same in every split.

    Raises:
        DatasetError: There are fewer than two, or they differ between splits.
    """
    (first, place), *others = layout.folders.items()
    names = folder_names(tree, place)
    for split, folder in others:
        found = folder_names(tree, folder)
        if not found and names:
            raise _unlabelled(tree, split, folder, layout)
        refuse_difference(tree, f"{tree.place}/{place}", names, f"{tree.place}/{folder}", found)
    if len(names) < 2:
        where = tree.place if first == UNSPLIT else f"{tree.place}/{place}"
        hint = _nested_hint(tree, names) if first == UNSPLIT else LAYOUT_HINT
        raise DatasetError(f"{where} has {len(names)} class folders, at least 2 are needed", hint)
    return names


def add_unused(tree: Tree, layout: Layout, ignored: Ignored) -> None:
    """Add the folders and images that the layout leaves out."""
    for folder in dict.fromkeys(["", *layout.folders.values()]):
        ignored.add_strays(tree, folder)
    ignored.files += [shown(e.name) for e in tree.entries("") if e.name.lower() in LABEL_FILES]
    if UNSPLIT not in layout.folders:
        used = set(layout.folders.values())
        ignored.folders += [shown(e.name) for e in tree.entries("") if e.kind == "folder" and e.name not in used]


def _split_folders(tree: Tree, entries: Sequence[Entry]) -> dict[str, str]:
    """The folder of each split that has one."""
    folders = {}
    for split, names in NAMES.items():
        found = [e for e in entries if e.name.lower() in names and e.kind in ("folder", "dead link")]
        refuse_dead_links(tree, "", found)
        if len(found) > 1:
            both = " and ".join(f"{e.name}/" for e in found)
            raise DatasetError(f"{tree.place}: {both} could each be the {split} split", "keep one, or rename the other")
        if found:
            folders[split] = found[0].name
    return folders


def _split_layout(tree: Tree, folders: dict[str, str], entries: Sequence[Entry]) -> Layout:
    if len(folders) > 1:
        return Layout(folders)
    others = [shown(e.name) for e in entries if e.kind == "folder" and e.name not in folders.values()]
    found = f"; it has {some(others)}" if others else ""
    train = f"{tree.place}/{folders['train']}"
    hint = f"add test/CLASS/ or val/CLASS/; or give {train} as the data set, and its images are split automatically"
    raise DatasetError(f"{tree.place} has no folder test or val{found}", hint)


def _unsplit_layout(tree: Tree, entries: Sequence[Entry]) -> Layout:
    folders = [entry.name for entry in entries if entry.kind == "folder"]
    if any(_holds_images(tree, name) for name in folders):
        return Layout({UNSPLIT: ""})
    found = f"; it has {some(list(map(shown, folders)))}" if folders else ""
    images = sum(map(is_image, entries))
    found += f"; {counted(images, 'image')} without a class" if images else ""
    raise DatasetError(f"{tree.place} has no folder train{found}", _nested_hint(tree, folders))


def _no_classes(tree: Tree, folders: dict[str, str], entries: Sequence[Entry]) -> DatasetError:
    """What is wrong with split folders of which none is train/, or without class folders."""
    if "train" not in folders:
        found = ", ".join(f"{name}/" for name in folders.values())
        return DatasetError(f"{tree.place} has no folder train, but {found}", LAYOUT_HINT)
    place = f"{tree.place}/{folders['train']}"
    images = sum(map(is_image, tree.entries(folders["train"])))
    found = f"; it holds {counted(images, 'image')} without a class" if images else ""
    return DatasetError(f"{place} has 0 class folders, at least 2 are needed{found}", LAYOUT_HINT)


def _unlabelled(tree: Tree, split: str, folder: str, layout: Layout) -> DatasetError:
    images = sum(map(is_image, tree.entries(folder)))
    found = f", but {counted(images, 'image')} without a class" if images else ""
    instead = "; val/ then is the test split" if split == "test" and "val" in layout.folders else ""
    hint = f"sort its images into CLASS folders, or move the folder away{instead}"
    return DatasetError(f"{tree.place}/{folder} has no class folders{found}", hint)


def _label_file(tree: Tree, entries: Sequence[Entry]) -> str:
    """The CSV file of labels: one with a usual name, or the only one where there are no class folders."""
    tables = [e.name for e in entries if e.name.lower().endswith(".csv") and e.kind == "file"]
    for name in LABEL_FILES:
        if named := [table for table in tables if table.lower() == name]:
            return named[0]
    folders = [entry.name for entry in entries if entry.kind == "folder"]
    if not tables or sum(_holds_images(tree, name) for name in folders) > 1:
        return ""
    if len(tables) > 1:
        raise DatasetError(
            f"{tree.place} has {len(tables)} CSV files: {some(tables)}", "rename the file with the labels to labels.csv"
        )
    return tables[0]


def _nested_hint(tree: Tree, folders: Sequence[str]) -> str:
    """Where the only folder is itself laid out, say so: archives often unpack into one more folder."""
    if len(folders) == 1 and len(_folders_in(tree, folders[0])) > 1:
        return f"if the images are in {folders[0]}/, give {tree.place}/{folders[0]}"
    return LAYOUT_HINT


def _folders_in(tree: Tree, folder: str) -> list[str]:
    """Its folders, and links that should lead to one."""
    entries = tree.entries(folder)
    dead = [e.name for e in entries if e.kind == "dead link" and not e.name.lower().endswith(SUFFIXES)]
    return [entry.name for entry in entries if entry.kind == "folder"] + dead


def _holds_images(tree: Tree, folder: str) -> bool:
    return any(
        is_image(e) or (e.kind == "dead link" and e.name.lower().endswith(SUFFIXES)) for e in tree.entries(folder)
    )
