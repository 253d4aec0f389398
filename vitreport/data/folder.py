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
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vitreport.data.archive import Tree, disk_tree, is_image, read_text
from vitreport.data.arrays import SPLIT_ORDER, ImageSource
from vitreport.data.decode import VERSION, Listing, decode_listed
from vitreport.data.registry import DATASETS, Note, silent
from vitreport.data.splits import TEST_FRACTION, made_test_split
from vitreport.errors import DatasetError
from vitreport.formatting import listed

LAYOUT_HINT = (
    "arrange the images as train/CLASS/*.png and test/CLASS/*.png (or .jpg; val/CLASS/ is optional), as CLASS/*.png, "
    "or as images with a labels.csv; if a subdirectory has one of these layouts, give its path"
)
LABEL_FILES = ("labels.csv", "train.csv", "train_labels.csv", "annotations.csv")
SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""The names that a folder or a column may give a split."""
COLUMNS = {  # in small letters without spaces and underscores
    "file": ("file", "filename", "filepath", "image", "imageid", "imagename", "imagepath", "img", "id", "path", "name"),
    "label": ("label", "labels", "class", "classname", "category", "target", "species", "breed", "diagnosis"),
    "split": ("split", "set", "subset", "partition"),
}


class _LineError(Exception):
    """What is wrong with a line of a label file, and what to do."""

    def __init__(self, fault: str, hint: str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.hint = hint


class Labelled(NamedTuple):
    """An image file, its class and its split; "" if it is not in a split."""

    split: str
    label: str
    file: str


def check_same_classes(name: str, place: str, classes: Sequence[str]) -> None:
    """Raise DatasetError if a folder has not the classes of a published dataset, as accuracies then differ."""
    dataset = DATASETS[name]
    others = sorted(set(dataset.classes or classes) ^ set(classes))
    if others or len(classes) != dataset.num_classes:
        differ = f" (these differ: {listed(others)})" if others else ""
        hint = "rename the directory, or give its path to use it as a dataset of your own"
        raise DatasetError(f"{place} has {len(classes)} classes, {name} has {dataset.num_classes}{differ}", hint)


def image_source(listing: Listing, size: int) -> ImageSource:
    """Return the source of images in files of their own, without published checksums.

    Images of another size are resized with antialiasing, then cut to a square in the middle. A copy of a folder has
    another identity, as has a folder in which a class, a label or a file has changed.
    """
    root = Path(listing.tree.place)
    digest = hashlib.sha256(repr((VERSION, listing.source, listing.classes)).encode())
    for split, files in listing.files.items():
        for file, label in zip(files, map(int, listing.labels[split]), strict=True):
            digest.update(repr((split, file, label, _state(root / file))).encode())
    return ImageSource(listing.source, digest.hexdigest(), partial(decode_listed, listing, size, canonical=False))


def _state(path: Path) -> tuple[int, ...]:
    """Return numbers that distinguish a file from a copy and from a later version; none if it is missing."""
    with suppress(OSError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino, found.st_ctime_ns
    return ()


def read_folder(root: Path, note: Note = silent) -> Listing:
    """List the images in a user folder. Raises DatasetError if it is not laid out as it should be."""
    tree = disk_tree(root)
    files = tree.files
    folders = _split_folders(tree.place, files)
    images = _by_class(files, folders)
    classes = set[str]()
    source = "image folder"
    splits = {image.split for image in images}
    table = next((name for name in LABEL_FILES if name in files), "")
    if folders and "train" in splits:
        in_folders = (file.split("/") for file in files if file.count("/") > 1)
        classes = {label for folder, label, *_ in in_folders if folder in folders.values()}
        if splits == {"train"}:
            hint = f"add test/CLASS/, or give {tree.place}/{folders['train']} as the dataset to split it automatically"
            raise DatasetError(f"{tree.place} has no images in test/CLASS/ or val/CLASS/; it has {_names(files)}", hint)
    elif table:
        files = [file for file in files if file != table]
        images, source = _read_label_file(tree, table, files), f"images listed in {table}"
    elif folders:
        raise DatasetError(f"{tree.place} has no images in train/CLASS/; it has {_names(files)}", LAYOUT_HINT)
    used = {image.file for image in images}
    if ignored := [file for file in files if file not in used]:
        note(f"{tree.place}: ignored {listed(ignored, 3)}")
    listing = arranged(tree, images, source, sorted(classes))
    if listing.source != source:
        note(f"{tree.place}: {listing.source}")
    return listing


def _split_folders(place: str, files: Sequence[str]) -> dict[str, str]:
    """Return the folder of each split that has one."""
    folders = sorted({file.partition("/")[0] for file in files if "/" in file})
    found = {split: [folder for folder in folders if folder.lower() in names] for split, names in SPLITS.items()}
    for split, names in found.items():
        if len(names) > 1:
            fault = f"{place}: {'/ and '.join(names)}/ could each be the {split} split"
            raise DatasetError(fault, "keep one, or rename the other")
    return {split: names[0] for split, names in found.items() if names}


def _by_class(files: Iterable[str], folders: Mapping[str, str]) -> list[Labelled]:
    """Return the images in the class folders of each split; where no split has a folder, in those of the root."""
    split_of = {folder: split for split, folder in folders.items()} or {"": ""}
    images = []
    for file in filter(is_image, files):
        *parents, _ = file.split("/") if folders else ["", *file.split("/")]
        if len(parents) == 2 and parents[0] in split_of:
            images.append(Labelled(split_of[parents[0]], sys.intern(parents[1]), file))
    return images


def _read_label_file(tree: Tree, name: str, files: Iterable[str]) -> list[Labelled]:
    """Return the images that a CSV file names, sorted by path.

    Raises DatasetError if it cannot be read, or names an image that is missing, ambiguous, repeated or unlabelled.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for image in filter(is_image, files):
        for known in {image, image.rpartition("/")[2]}:
            by_name[known].append(image)
            by_name[known.rpartition(".")[0]].append(image)
    text = read_text(tree, name)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=separator, restval="", strict=True)

    def place() -> str:
        return f"{tree.place}/{name}, line {max(1, reader.reader.line_num)}"

    found: dict[str, Labelled] = {}
    try:
        columns = _columns(reader.fieldnames or [])
        for row in filter(lambda row: any(row.values()), reader):
            file, label, word = (None if column is None else row[column].strip() for column in columns.values())
            labelled = _labelled(file, label, word, by_name)
            if labelled.file in found:
                raise _LineError(f"names {labelled.file} twice", "remove one of its lines")
            found[labelled.file] = labelled
    except csv.Error as error:
        raise DatasetError(f"{place()}, {error}", "correct the quotation marks") from error
    except _LineError as error:
        raise DatasetError(f"{place()}, {error.fault}", error.hint) from error
    return [found[path] for path in sorted(found)]


def _labelled(file: str | None, label: str | None, word: str | None, by_name: Mapping[str, Sequence[str]]) -> Labelled:
    """Find the image that a line names; among several, the one in the folder of its split.

    Raises _LineError.
    """
    if not file or not label:
        raise _LineError("has no file name or no label", "complete the line, or remove it")
    split = next((split for split, names in SPLITS.items() if word and word.lower() in names), "")
    if word is not None and not split:
        raise _LineError(f"has the split {word!a}", "write train, val or test")
    files = by_name.get(file.replace("\\", "/").removeprefix("./"), [])
    if len(files) > 1:
        files = [image for image in files if image.partition("/")[0].lower() in SPLITS[split or "train"]] or files
    if not files:
        raise _LineError(f"names {file}, which does not exist", "add the image, or remove the line")
    if len(files) > 1:
        fault = f"names {file}, which could be {files[0]} or {files[1]}"
        raise _LineError(fault, "write the full path within the image folder")
    return Labelled(split, label, files[0])


def _columns(header: Sequence[str]) -> dict[str, str | None]:
    """Return the columns of the file name, the label and, if there is one, the split.

    Raises _LineError.
    """
    known = {re.sub(r"[\W_]", "", column.lower()): column for column in reversed(header)}
    found = {kind: next((known[name] for name in names if name in known), None) for kind, names in COLUMNS.items()}
    rest = [column for column in header if column not in (found["file"], found["split"])]
    if found["file"] and len(rest) == 1:
        found["label"] = rest[0]
    for kind in ("file", "label"):
        if found[kind] is None:
            fault = f"has no column for the {kind}; its columns: {listed(header) or 'none'}"
            raise _LineError(fault, f"give a column one of these names: {', '.join(COLUMNS[kind])}")
    return found


def arranged(tree: Tree, images: Sequence[Labelled], source: str, order: Sequence[str] = ()) -> Listing:
    """Arrange images by split, with a test split, and classes in their `order`, by default that of their names.

    Raises DatasetError if a split has no image of a class.
    """
    present = {image.split for image in images}
    classes = tuple(order or sorted({image.label for image in images}))
    if len(classes) < 2 or not present & {"", "train"}:
        fault = "fewer than 2 classes" if len(classes) < 2 else "no training images"
        raise DatasetError(f"{tree.place} has {fault}", LAYOUT_HINT)
    if odd := [name for name in classes if not name.isprintable()]:
        raise DatasetError(f"{tree.place} has a class with an unprintable name, {odd[0]!a}", "rename it")
    number = {name: label for label, name in enumerate(classes)}
    if {"val", "test"} <= present:
        source += "; validation split: val"
    elif "val" in present:
        source += "; test split: val"
        images = [image._replace(split=image.split.replace("val", "test")) for image in images]
    elif "test" not in present:
        source += f"; split made by vitreport: {TEST_FRACTION:.0%} of each class for testing, seed 0"
        test = set(made_test_split(np.array([number[image.label] for image in images]), classes).tolist())
        images = [image._replace(split="test" if index in test else "train") for index, image in enumerate(images)]
    files, labels = {}, {}
    for split in SPLIT_ORDER:
        if chosen := [image for image in images if image.split == split]:
            if missing := set(classes) - {image.label for image in chosen}:
                fault = f"{tree.place} has no {split} image of class {min(missing)}"
                raise DatasetError(fault, "every split needs every class")
            files[split] = [image.file for image in chosen]
            labels[split] = np.array([number[image.label] for image in chosen], np.int64)
    return Listing(tree, classes, files, labels, source)


def _names(files: Iterable[str]) -> str:
    return listed(list(dict.fromkeys(file.partition("/")[0] for file in files)), 3) or "nothing"
