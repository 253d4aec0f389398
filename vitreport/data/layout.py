"""How a folder of images is divided: which of its folders, or which file of labels, makes which split.

    ROOT/train/CLASS/*  and test/CLASS/*, val/CLASS/* or both: without test/ the images of val/ are the test split
    ROOT/CLASS/*        a fifth of each class becomes the test split, always the same
    ROOT/labels.csv     names the images and their classes, and perhaps their splits (see `label_file`)

The names of the split folders may be in capitals; val/ may be called valid/ or validation/.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.data import listing
from vitreport.data.archive import Entry, Tree, shown
from vitreport.errors import DatasetError

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


def find_layout(tree: Tree) -> Layout:
    """Find the splits of a folder.

    Raises:
        DatasetError: No layout fits, or two folders could be the same split.
    """
    entries = tree.entries("")
    splits = _split_folders(tree, entries)
    others = [entry.name for entry in entries if entry.kind == "folder" and entry.name not in splits.values()]
    train = splits.get("train", "")
    if train and _folders_in(tree, train):
        if len(splits) > 1:
            return Layout(splits)
        place = f"{tree.place}/{train}"
        hint = f"add test/CLASS/ or val/CLASS/; or give {place} as the data set, and its images are split automatically"
        raise DatasetError(f"{tree.place} has no folder test or val{_it_has(others)}", hint)
    if label_file := _label_file(tree, entries):
        return Layout({}, label_file)
    if train:
        found = listing.image_count(tree, train)
        fault = f"has 0 class folders, at least 2 are needed{found and f'; it holds {found}'}"
        raise DatasetError(f"{tree.place}/{train} {fault}", LAYOUT_HINT)
    if splits:
        found = ", ".join(f"{name}/" for name in splits.values())
        raise DatasetError(f"{tree.place} has no folder train, but {found}", LAYOUT_HINT)
    if any(_holds_images(tree, name) for name in others):
        return Layout({UNSPLIT: ""})
    found = listing.image_count(tree, "")
    fault = f"has no folder train{_it_has(others)}{found and f'; {found}'}"
    raise DatasetError(f"{tree.place} {fault}", _nested_hint(tree, others))


def classes_of(tree: Tree, layout: Layout) -> tuple[str, ...]:
    """Return the class folders, which are the same in every split.

    Raises:
        DatasetError: There are fewer than two, or they differ between splits.
    """
    (first, place), *others = layout.folders.items()
    names = listing.folder_names(tree, place)
    for split, folder in others:
        found = listing.folder_names(tree, folder)
        if names and not found:
            images = listing.image_count(tree, folder)
            instead = "; val/ then is the test split" if split == "test" and "val" in layout.folders else ""
            hint = f"sort its images into CLASS folders, or move the folder away{instead}"
            raise DatasetError(f"{tree.place}/{folder} has no class folders{images and f', but {images}'}", hint)
        listing.refuse_difference(tree, f"{tree.place}/{place}", names, f"{tree.place}/{folder}", found)
    if len(names) < 2:
        hint = _nested_hint(tree, names) if first == UNSPLIT else LAYOUT_HINT
        fault = f"has {len(names)} class folders, at least 2 are needed"
        raise DatasetError(f"{listing.joined(tree.place, place)} {fault}", hint)
    return names


def add_unused(tree: Tree, layout: Layout, ignored: listing.Ignored) -> None:
    """Add the folders and images that the layout leaves out."""
    for folder in dict.fromkeys(["", *layout.folders.values()]):
        ignored.strays += [
            shown(listing.joined(folder, entry.name)) for entry in tree.entries(folder) if listing.is_image(entry)
        ]
    ignored.files += [shown(entry.name) for entry in tree.entries("") if entry.name.lower() in LABEL_FILES]
    if UNSPLIT not in layout.folders:
        folders = [entry.name for entry in tree.entries("") if entry.kind == "folder"]
        ignored.folders += [shown(name) for name in folders if name not in layout.folders.values()]


def _split_folders(tree: Tree, entries: Sequence[Entry]) -> dict[str, str]:
    """The folder of each split that has one."""
    folders = {}
    for split, names in NAMES.items():
        found = [entry for entry in entries if entry.name.lower() in names and entry.kind in ("folder", "dead link")]
        listing.refuse_dead_links(tree, "", found)
        if len(found) > 1:
            both = " and ".join(f"{entry.name}/" for entry in found)
            raise DatasetError(f"{tree.place}: {both} could each be the {split} split", "keep one, or rename the other")
        if found:
            folders[split] = found[0].name
    return folders


def _label_file(tree: Tree, entries: Sequence[Entry]) -> str:
    """The CSV file of labels: one with a usual name, or the only one where there are no class folders."""
    tables = [entry.name for entry in entries if entry.name.lower().endswith(".csv") and entry.kind == "file"]
    for name in LABEL_FILES:
        if named := [table for table in tables if table.lower() == name]:
            return named[0]
    folders = [entry.name for entry in entries if entry.kind == "folder"]
    if not tables or sum(_holds_images(tree, name) for name in folders) > 1:
        return ""
    if len(tables) > 1:
        hint = "rename the file with the labels to labels.csv"
        raise DatasetError(f"{tree.place} has {len(tables)} CSV files: {listing.some(tables)}", hint)
    return tables[0]


def _it_has(folders: Sequence[str]) -> str:
    return f"; it has {listing.some(list(map(shown, folders)))}" if folders else ""


def _nested_hint(tree: Tree, folders: Sequence[str]) -> str:
    """Where the only folder is itself laid out, say so: archives often unpack into one more folder."""
    if len(folders) == 1 and len(_folders_in(tree, folders[0])) > 1:
        return f"if the images are in {folders[0]}/, give {tree.place}/{folders[0]}"
    return LAYOUT_HINT


def _folders_in(tree: Tree, folder: str) -> list[str]:
    """Its folders, and links that should lead to one."""
    entries = tree.entries(folder)
    return [e.name for e in entries if e.kind == "folder" or (e.kind == "dead link" and not listing.is_image(e))]


def _holds_images(tree: Tree, folder: str) -> bool:
    return any(map(listing.is_image, tree.entries(folder)))
