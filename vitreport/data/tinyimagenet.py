"""Tiny ImageNet: 110,000 photographs of 64 x 64 pixels in 200 classes, from its archive, its own layout or folders.

    ROOT/wnids.txt                  the identifier of a class a line, in the order of the labels
         words.txt                  an identifier, a tab and its names a line: n02124075<TAB>Egyptian cat
         train/<wnid>/images/*.JPEG
         val/images/*.JPEG          the test split here, as the labels of test/images were never published
         val/val_annotations.txt    a file and its class a line: val_0.JPEG<TAB>n03444034<TAB>...

Any other folder in this layout can be read too, with the classes that it has.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from vitreport.data import folder, layout
from vitreport.data.archive import DiskTree, Tree, ZipTree, shown
from vitreport.data.cache import Decoding, Notify, Original, Places
from vitreport.data.decode import FirstImage, IntensityRange, decoding
from vitreport.data.download import Published, find_published
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
from vitreport.data.splits import Labels
from vitreport.errors import DatasetError

NUM_CLASSES = 200
SIZE = 64
PUBLISHED = Published(
    dataset="tinyimagenet",
    archive="tiny-imagenet-200.zip",
    md5="90528d7ca1a48142e341f4ef8d21d0de",
    size=248_100_043,
    unpacked="tiny-imagenet-200",
)
MIRRORS = ("http://cs231n.stanford.edu/tiny-imagenet-200.zip",)
WNIDS, WORDS, ANNOTATIONS = "wnids.txt", "words.txt", "val/val_annotations.txt"
LAYOUT_HINT = f"lay it out as {WNIDS}, {WORDS}, train/WNID/images/*.JPEG, val/images/*.JPEG and {ANNOTATIONS}"
RENAME_HINT = "rename the folder, or give its path to use it as a data set of your own"
MAX_TEXT_BYTES = 2**24
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def find(places: Places) -> Original:
    """The archive, what was unpacked from it, or folders by class; else a download.

    Raises DatasetError where what is found is damaged or has not the 200 classes.
    """
    return find_published(
        PUBLISHED,
        MIRRORS,
        places,
        decode=lambda path: _decode_archive(path, places.notify),
        unpacked=lambda root: _whole(root, places.notify),
        by_class=lambda home: _by_class(home, places.notify),
    )


def is_laid_out(root: Path) -> bool:
    """Whether a folder has this layout, be it complete or not."""
    try:
        return any((root / name).is_file() for name in (WNIDS, ANNOTATIONS))
    except OSError:  # a folder that may not be entered
        return False


def find_in(root: Path, size: int, notify: Notify, intensity_range: IntensityRange = "full") -> Original:
    """The images under `root`, which decode to `size` x `size` pixels. Raises DatasetError for another layout."""
    listing = replace(_listed(_own(root), notify), source="folder in the layout of Tiny ImageNet")
    return folder.loose_original(listing, size, intensity_range)


def num_classes(root: Path) -> int:
    """The number of lines of wnids.txt. Raises DatasetError where it is missing or damaged."""
    return len(_wnids(_own(root)))


def has_validation(root: Path) -> bool:
    """False: the images of val/ are the test split in this layout."""
    return False


def first(root: Path) -> FirstImage:
    """Read the size of the first training image of the first class."""
    tree = _own(root)
    return folder.first_in(tree, _images_of(_wnids(tree)[0]))


def count_images(root: Path) -> dict[str, int]:
    """The image files of each split. Raises DatasetError for another layout."""
    return _listed(_own(root), notify=lambda line: None).counts()


def _own(root: Path) -> DiskTree:
    return DiskTree(root, LAYOUT_HINT, linked=SUFFIXES)


def _whole(root: Path, notify: Notify) -> Original:
    tree = DiskTree(root, LAYOUT_HINT)
    hint = (
        RENAME_HINT
        if root.name == PUBLISHED.dataset
        else f"give its path to use it as a data set of your own: {tree.place}"
    )
    _refuse_part(f"{tree.place}/{WNIDS}", len(_wnids(tree)), hint)
    listing = replace(_listed(tree, notify), source=f"folder {root.name} (unpacked, not verified)")
    return folder.loose_original(listing, SIZE)


def _by_class(home: Path, notify: Notify) -> Original:
    if is_laid_out(home):
        return _whole(home, notify)
    _refuse_part(f"{home}/train", len(folder_names(DiskTree(home, layout.LAYOUT_HINT), "train")), RENAME_HINT)
    return folder.find_by_class(home, SIZE, notify)


def _decode_archive(path: Path, notify: Notify) -> Decoding:
    tree = ZipTree(path, PUBLISHED.unpacked, LAYOUT_HINT)
    _refuse_part(f"{tree.place}/{WNIDS}", len(_wnids(tree)), "unpack it, and give the folder by its path")
    return decoding(_listed(tree, notify), SIZE, canonical=True)


def _refuse_part(place: str, found: int, hint: str) -> None:
    """A part of Tiny ImageNet is another data set: its accuracies are not comparable."""
    if found != NUM_CLASSES:
        raise DatasetError(f"{place} lists {found} classes, {PUBLISHED.dataset} has {NUM_CLASSES}", hint)


def _listed(tree: Tree, notify: Notify) -> Listing:
    wnids = _wnids(tree)
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


def _wnids(tree: Tree) -> tuple[str, ...]:
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


def _lines(tree: Tree, path: str) -> list[tuple[int, str]]:
    """The lines of a text that are not empty, each with its number. Raises DatasetError where it cannot be read."""
    home, _, name = path.rpartition("/")
    if not any(entry.name == name and entry.kind == "file" for entry in tree.entries(home)):
        raise DatasetError(f"{tree.place} has no file {path}", LAYOUT_HINT)
    try:
        with tree.open(path) as file:
            content = file.read(MAX_TEXT_BYTES + 1)
        if len(content) > MAX_TEXT_BYTES:
            raise ValueError(f"it has more than {MAX_TEXT_BYTES} bytes")
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{tree.place}/{path} cannot be read: {error}", LAYOUT_HINT) from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def _fault(tree: Tree, path: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{path}, line {number}, {words}", LAYOUT_HINT)
