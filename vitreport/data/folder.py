"""Images in a user folder or in a folder with a published dataset by class.

    ROOT/train/CLASS/*  and test/CLASS/*, val/CLASS/* or both: without test/ the images of val/ are the test split
    ROOT/CLASS/*        a fifth of each class becomes the test split, always the same
    ROOT/labels.csv     a header line, then file,label[,split] of one image a line, as on Kaggle: the file as a path in
                        the root or a name, with or without its ending; separated by comma, semicolon or tab

The names of the split folders may be in capitals; val/ may be called valid/ or validation/. Hidden files are ignored.
Links are followed wherever they lead.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vitreport.data.archive import DiskTree, Tree, is_image, parts, read_text, shown
from vitreport.data.arrays import SPLIT_ORDER, ImageSource
from vitreport.data.decode import VERSION, Listing, decoding
from vitreport.data.holdout import TEST_FRACTION, made_split
from vitreport.data.registry import DATASETS, ImageRequest, Notify, silent
from vitreport.errors import DatasetError
from vitreport.formatting import counted, listed

LAYOUT_HINT = (
    "lay it out as train/CLASS/*.png and test/CLASS/*.png (or .jpg; val/CLASS/ is optional), as CLASS/*.png, or as "
    "images with a labels.csv; if a folder in it is laid out so, give the path of that folder"
)
LABEL_FILES = ("labels.csv", "train.csv", "train_labels.csv", "annotations.csv")
SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""The names that a folder or a column may give a split."""
COLUMNS = {
    "file": (
        *("file", "filename", "file_name", "image", "image_id", "image_name", "img", "id", "path", "filepath"),
        *("file_path", "image_path", "name"),
    ),
    "label": ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "diagnosis"),
    "split": ("split", "set", "subset", "partition"),
}


class Labelled(NamedTuple):
    """An image file, its class and its split; "" if it is not in a split."""

    split: str
    label: str
    file: str


def find_by_class(root: Path, request: ImageRequest, classes: Sequence[str] = ()) -> ImageSource:
    """Find the images of a published dataset in train/CLASS/ and test/CLASS/; `classes`, if given, must be theirs."""
    tree = DiskTree(root)
    splits = {"train": "train", "test": "test"}
    images, names = _images_by_class(tree, tree.files(_class_folders(splits)), splits, request.notify)
    listing = arranged(tree, images, "image folder", request.notify, order=names)
    refuse_other_classes(request.name, f"{tree.place}/train", listing.classes, classes)
    return image_source(listing, DATASETS[request.name].stored_size)


def refuse_other_classes(name: str, place: str, classes: Sequence[str], published: Sequence[str] = ()) -> None:
    """Raise DatasetError if a folder has not the classes of a published dataset, as accuracies then differ."""
    expected, others = DATASETS[name].num_classes, sorted(set(published or classes) ^ set(classes))
    if others or len(classes) != expected:
        differ = f" (these differ: {listed(others)})" if others else ""
        hint = "rename the folder, or give its path to use it as a dataset of your own"
        raise DatasetError(f"{place} has {len(classes)} classes, {name} has {expected}{differ}", hint)


def image_source(listing: Listing, size: int) -> ImageSource:
    """Return the source of images in files of their own, without published checksums.

    Images of another size are resized with antialiasing, then cut to a square in the middle. A copy of a folder has
    another identity, as has a folder in which a class, a label or a file has changed.
    """
    labels = {split: of_split.tolist() for split, of_split in listing.labels.items()}
    root = Path(listing.tree.place)
    states = [_state(root / file) for files in listing.files.values() for file in files]
    known = (VERSION, listing.source, listing.classes, listing.files, states, labels)
    identity = hashlib.sha256(repr(known).encode()).hexdigest()
    return ImageSource(listing.source, identity, partial(decoding, listing, size, canonical=False))


def _state(path: Path) -> tuple[int, ...]:
    """Return numbers that distinguish a file from a copy and from a later version; none if it is missing."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino, found.st_ctime_ns


def read_folder(root: Path, notify: Notify = silent) -> tuple[Listing, str]:
    """List the images in a user folder; the second result is the image that sets the size of all.

    Raises:
        DatasetError: The folder is not laid out as it should be.
    """
    tree = DiskTree(root)
    splits = _split_folders(tree)
    files = tree.files(_class_folders(splits))
    source, names = "image folder", list[str]()
    if any(len(parts(file)) == 3 and parts(file)[0] == splits.get("train") for file in files):
        images, names = _images_by_class(tree, files, splits, notify)
        if all(image.split == "train" for image in images):
            hint = f"add test/CLASS/, or give {tree.place}/{splits['train']} as the dataset to split it automatically"
            raise DatasetError(f"{tree.place} has no images in test/CLASS/ or val/CLASS/; it has {_names(files)}", hint)
    elif table := _label_file(files):
        text = read_text(tree, table).replace("\\", "/")
        entered = tree.files(lambda path: f"{path}/" in text or ("/" not in path and tree.is_readable(path)))
        all_images = [file for file in entered if is_image(file)]
        images = _read_label_file(tree, table, all_images)
        source = f"images listed in {table}"
        if unnamed := len(all_images) - len(images):
            notify(f"{tree.place}: ignored {counted(unnamed, 'image')} that {table} does not name")
    elif splits:
        raise DatasetError(f"{tree.place} has no images in train/CLASS/; it has {_names(files)}", LAYOUT_HINT)
    else:
        images, _ = _images_by_class(tree, tree.files(lambda path: "/" not in path), {}, notify)
    listing = arranged(tree, images, source, notify, val=splits.get("val", "val"), order=names)
    return listing, next(image.file for image in images if image.split in ("", "train"))


def _class_folders(splits: Mapping[str, str]) -> Callable[[str], bool]:
    """Return a function that accepts the paths of split folders and of the class folders in them."""
    return lambda path: path.count("/") < 2 and path.split("/")[0] in splits.values()


def _split_folders(tree: DiskTree) -> dict[str, str]:
    """Return the folder of each split that has one."""
    folders = [file.rstrip("/") for file in tree.files(lambda _: False) if file.endswith("/")]
    found = {split: [folder for folder in folders if folder.lower() in names] for split, names in SPLITS.items()}
    for split, names in found.items():
        if len(names) > 1:
            fault = f"{tree.place}: {'/ and '.join(names)}/ could each be the {split} split"
            raise DatasetError(fault, "keep one, or rename the other")
    return {split: names[0] for split, names in found.items() if names}


def _label_file(files: Iterable[str]) -> str:
    """Return the CSV file of labels in the root, or ""."""
    tables = {file.lower(): file for file in files}
    return next((tables[name] for name in LABEL_FILES if name in tables), "")


def _images_by_class(
    tree: DiskTree, files: list[str], folders: dict[str, str], notify: Notify
) -> tuple[list[Labelled], list[str]]:
    """Return the images in the class folders of each split, and the names of these folders, also of those without one.

    Without `folders` of splits, the root has class folders.
    """
    split_of = {folder: split for split, folder in folders.items()} or {"": ""}
    images, names, unused = [], set(), []
    for file in files:
        *parents, _ = parts(file) if folders else ["", *parts(file)]
        if len(parents) > 1 and parents[0] in split_of:
            names.add(parents[1])
        if len(parents) == 2 and parents[0] in split_of and is_image(file):
            images.append(Labelled(split_of[parents[0]], parents[1], file))
        else:
            unused.append(shown(file))
    if unused:
        notify(f"{tree.place}: ignored {listed(unused, 3)}")
    return images, sorted(names)


def _read_label_file(tree: DiskTree, name: str, images: Sequence[str]) -> list[Labelled]:
    """Return those of the images that a CSV file names, sorted by path.

    Raises:
        DatasetError: The file cannot be read, or names an image that is missing, ambiguous, repeated or unlabelled.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for image in images:
        for known in {image, parts(image)[-1]}:
            by_name[known].append(image)
            by_name[known.rpartition(".")[0]].append(image)
    content = StringIO(read_text(tree, name), newline="")
    separator = max(",;\t", key=content.readline().count)
    content.seek(0)
    reader = csv.DictReader(content, delimiter=separator, restval="", strict=True)
    found: dict[str, Labelled] = {}
    try:
        columns = _columns(reader.fieldnames or [])
        for row in filter(lambda row: any(row.values()), reader):
            file, label, word = (None if column is None else row[column].strip() for column in columns)
            labelled = _labelled(file or "", label or "", word, by_name)
            if labelled.file in found:
                raise csv.Error(f"names {shown(labelled.file)} again", "remove one of its lines")
            found[labelled.file] = labelled
    except csv.Error as error:
        fault, hint = (*error.args, "correct the quotation marks")[:2]
        raise DatasetError(f"{tree.place}/{name}, line {max(1, reader.reader.line_num)}, {fault}", hint) from error
    return [found[path] for path in sorted(found)]


def _labelled(file: str, label: str, word: str | None, by_name: Mapping[str, Sequence[str]]) -> Labelled:
    """Find the image that a line names; among several, the one in the folder of its split.

    Raises csv.Error with a fault and a hint.
    """
    if not file or not label:
        raise csv.Error("has no file name or no label", "complete the line, or remove it")
    split = next((split for split, names in SPLITS.items() if word and word.lower() in names), "")
    if word is not None and not split:
        raise csv.Error(f"has the split {word!a}", "write train, val or test")
    files = by_name.get(file.replace("\\", "/").removeprefix("./"), [])
    if len(files) > 1:
        files = [image for image in files if parts(image)[0].lower() in SPLITS[split or "train"]] or files
    if not files:
        raise csv.Error(f"names {shown(file)}, which is not there", "add the image to the folder, or remove the line")
    if len(files) > 1:
        could_be = f"could be {shown(files[0])} and {shown(files[1])}"
        raise csv.Error(f"names {shown(file)}, which {could_be}", "write its path in the folder")
    return Labelled(split, label, files[0])


def _columns(header: Sequence[str]) -> tuple[str, str, str | None]:
    """Return the columns of the file name, the label and, if there is one, the split.

    Raises csv.Error with a fault and a hint.
    """
    known = {column.strip().lower().replace(" ", "_"): column for column in reversed(header)}
    file, label, split = (next((known[name] for name in names if name in known), None) for names in COLUMNS.values())
    rest = [column for column in header if column not in (file, split)]
    if file is not None and label is None and len(rest) == 1:
        (label,) = rest
    if file is None or label is None:
        kind = "file" if file is None else "label"
        found = listed([shown(column) for column in header]) or "nothing"
        hint = f"give a column one of these names: {', '.join(COLUMNS[kind])}"
        raise csv.Error(f"has no column for the {kind}, but {found}", hint)
    return file, label, split


def arranged(
    tree: Tree, images: Sequence[Labelled], source: str, notify: Notify, *, val: str = "val", order: Sequence[str] = ()
) -> Listing:
    """Arrange images by split, with a test split, and classes in their `order`, by default that of their names.

    `val` names the validation split to the user. Raises DatasetError if a split has no image of a class.
    """
    present = {image.split for image in images}
    classes = tuple(order or sorted({image.label for image in images}))
    if len(classes) < 2 or not present & {"", "train"}:
        fault = f"{len(classes)} classes, at least 2 are needed" if len(classes) < 2 else "no training images"
        raise DatasetError(f"{tree.place} has {fault}", LAYOUT_HINT)
    if odd := [name for name in classes if not name.isprintable()]:
        raise DatasetError(f"{tree.place} has a class with an unprintable name, {odd[0]!a}", "rename it")
    number = {name: label for label, name in enumerate(classes)}
    files, labels = {}, {}
    for split in (name for name in ("", *SPLIT_ORDER) if name in present):
        of_split = [image for image in images if image.split == split]
        role = "test" if split == "val" and "test" not in present else split
        if missing := set(classes) - {image.label for image in of_split}:
            fault = f"{tree.place} has no {role} image of class {min(missing)}"
            raise DatasetError(fault, "every split needs every class")
        files[role] = [image.file for image in of_split]
        labels[role] = np.array([number[image.label] for image in of_split], np.int64)
    if "val" in present:
        source += f"; {'validation' if 'test' in present else 'test'} split: {val}"
    elif "test" not in present:
        (all_files,), (all_labels,) = files.values(), labels.values()
        train, test = made_split(all_labels, classes)
        files = {split: [all_files[index] for index in chosen] for split, chosen in (("train", train), ("test", test))}
        labels = {"train": all_labels[train], "test": all_labels[test]}
        source += f"; split made by vitreport: {TEST_FRACTION:.0%} of each class for testing, seed 0"
    if present != {"train", "test"}:
        notify(f"{tree.place}: {source}")
    return Listing(tree, classes, files, labels, source)


def _names(files: Iterable[str]) -> str:
    return listed(list(dict.fromkeys(shown(parts(file)[0]) for file in files)), 3) or "nothing"
