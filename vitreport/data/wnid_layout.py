"""Folders in the layout in which Tiny ImageNet is published: with classes by their WordNet identifiers.

ROOT/wnids.txt                  the identifier of a class a line, in the order of the labels
     words.txt                  an identifier, a tab and its names a line: n02124075<TAB>Egyptian cat
     train/<wnid>/images/*.JPEG
     val/images/*.JPEG          the test split here, as the labels of test/images were never published
     val/val_annotations.txt    a file and its class a line: val_0.JPEG<TAB>n03444034<TAB>...
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vitreport.data.archive import DiskTree, Tree, read_text, shown
from vitreport.data.arrays import Labels
from vitreport.data.decode import first_size
from vitreport.data.listing import (
    SUFFIXES,
    Ignored,
    ImageFile,
    Listing,
    folder_names,
    image_files,
    refuse_difference,
    some,
)
from vitreport.data.request import Notify
from vitreport.errors import DatasetError
from vitreport.spec.data import DatasetFacts

WNIDS, WORDS, ANNOTATIONS = "wnids.txt", "words.txt", "val/val_annotations.txt"
LAYOUT_HINT = f"lay it out as {WNIDS}, {WORDS}, train/WNID/images/*.JPEG, val/images/*.JPEG and {ANNOTATIONS}"
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def is_laid_out(root: Path) -> bool:
    """Whether a folder has this layout, be it complete or not."""
    try:
        return any((root / name).is_file() for name in (WNIDS, ANNOTATIONS))
    except OSError:  # a folder that may not be entered
        return False


def describe(root: Path, image_size: int | None = None) -> DatasetFacts:
    """Return the facts of a folder in this layout; without `image_size` its first training image sets the size.

    Raises:
        DatasetError: wnids.txt is missing or damaged, or the first image cannot be read.
        SpecError: The first image is not square, or too small or too large.
    """
    tree = DiskTree(root, LAYOUT_HINT, linked=SUFFIXES)
    wnids = read_wnids(tree)
    size = image_size or first_size(tree, image_files(tree, _images_of(wnids[0]), Ignored())[0])
    return DatasetFacts(root.name, len(wnids), size, data_dir=root.parent)


def list_images(root: Path, notify: Notify) -> Listing:
    """List the images under `root`. Raises DatasetError for another layout."""
    tree = DiskTree(root, LAYOUT_HINT, linked=SUFFIXES)
    return list_tree(tree, notify, "folder in the layout of Tiny ImageNet")


def list_tree(tree: Tree, notify: Notify, source: str) -> Listing:
    """List the images of a folder or an archive. Raises DatasetError for another layout."""
    wnids = read_wnids(tree)
    refuse_difference(tree, f"{tree.place}/train", folder_names(tree, "train"), f"{tree.place}/{WNIDS}", wnids)
    ignored = Ignored()
    train = [image_files(tree, _images_of(wnid), ignored) for wnid in wnids]
    test, test_labels = _validation(tree, wnids, ignored)
    ignored.report(tree, notify)
    return Listing(
        tree=tree,
        classes=_names(tree, wnids),
        files={"train": [file for group in train for file in group], "test": test},
        labels={"train": np.repeat(np.arange(len(wnids)), [len(group) for group in train]), "test": test_labels},
        source=source,
    )


def _validation(tree: Tree, wnids: tuple[str, ...], ignored: Ignored) -> tuple[list[ImageFile], Labels]:
    """The validation images in the order of their annotations, and their labels (N,)."""
    unlabelled = {file.path.rpartition("/")[2]: file for file in image_files(tree, "val/images", ignored)}
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    files, labels = [], []
    for number, line in _lines(tree, ANNOTATIONS):
        name, wnid = (*line.split(), "", "")[:2]
        if wnid not in label_of:
            raise _fault(tree, ANNOTATIONS, number, f"names the class {wnid!a}, which is not in {WNIDS}")
        if name not in unlabelled:
            raise _fault(tree, ANNOTATIONS, number, f"names {name!a}, which is not in val/images or came before")
        files.append(unlabelled.pop(name))
        labels.append(label_of[wnid])
    if unlabelled:
        left = some([shown(name) for name in unlabelled])
        raise DatasetError(f"{tree.place}/{ANNOTATIONS} has no line for {len(unlabelled)} images: {left}", LAYOUT_HINT)
    return files, np.array(labels, np.int64)


def read_wnids(tree: Tree) -> tuple[str, ...]:
    """Return the identifiers of the classes. Raises DatasetError where they are missing or damaged."""
    wnids: dict[str, None] = {}
    for number, line in _lines(tree, WNIDS):
        if not _IDENTIFIER.fullmatch(line) or line in wnids:
            raise _fault(tree, WNIDS, number, f"has {line!a}, which is no identifier or came before")
        wnids[line] = None
    if len(wnids) < 2:
        raise DatasetError(f"{tree.place}/{WNIDS} lists {len(wnids)} classes, at least 2 are needed", LAYOUT_HINT)
    return tuple(wnids)


def _names(tree: Tree, wnids: tuple[str, ...]) -> tuple[str, ...]:
    """The first name of each class, with its identifier where another class has the same."""
    synonyms = dict(line.split("\t", 1) for _, line in _lines(tree, WORDS) if "\t" in line)
    names = [synonyms.get(wnid, "").split(",")[0].strip() for wnid in wnids]
    for wnid, name in zip(wnids, names, strict=True):
        if not name or not name.isprintable():
            raise DatasetError(f"{tree.place}/{WORDS} has no printable name for {wnid}", LAYOUT_HINT)
    count = Counter(names)
    return tuple(f"{name} ({wnid})" if count[name] > 1 else name for wnid, name in zip(wnids, names, strict=True))


def _images_of(wnid: str) -> str:
    return f"train/{wnid}/images"


def _lines(tree: Tree, path: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not empty, each with its number. Raises DatasetError where it cannot be read."""
    home, _, name = path.rpartition("/")
    if not any(entry.name == name and entry.kind == "file" for entry in tree.entries(home)):
        raise DatasetError(f"{tree.place} has no file {path}", LAYOUT_HINT)
    for number, line in enumerate(read_text(tree, path, LAYOUT_HINT).splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _fault(tree: Tree, path: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{path}, line {number}, {words}", LAYOUT_HINT)
