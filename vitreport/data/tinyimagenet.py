"""Tiny ImageNet: 110,000 photographs of 64 x 64 pixels in 200 classes, from its archive, its own layout or folders.

wnids.txt                  the WordNet identifier of a class a line, in the order of the labels
words.txt                  an identifier, a tab and its names a line: n02124075<TAB>Egyptian cat
train/<wnid>/images/*.JPEG
val/images/*.JPEG          the test split here, as the labels of test/images were never published
val/val_annotations.txt    a file and its class a line: val_0.JPEG<TAB>n03444034<TAB>...
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vitreport.data.archive import DiskTree, File, Tree, ZipTree, read_text, shown
from vitreport.data.arrays import Decoding, ImageSource, Labels
from vitreport.data.decode import Listing, decoding
from vitreport.data.fetch import find_published
from vitreport.data.folder import find_by_class, image_source, refuse_other_classes
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.errors import DatasetError
from vitreport.formatting import listed

WNIDS, WORDS, ANNOTATIONS = "wnids.txt", "words.txt", "val/val_annotations.txt"
LAYOUT_HINT = f"lay it out as {WNIDS}, {WORDS}, train/WNID/images/*.JPEG, val/images/*.JPEG and {ANNOTATIONS}"
SIZE = 64


def find(request: ImageRequest) -> ImageSource:
    """Find the archive, what was unpacked from it, or folders by class; else a download."""

    def decode(path: Path) -> Decoding:
        listing = _listed(ZipTree(path, DATASETS[request.name].kept_as[1]), request, "archive")
        return decoding(listing, SIZE, canonical=True)

    def in_folder(root: Path) -> ImageSource:
        if not any((root / name).is_file() for name in (WNIDS, ANNOTATIONS)):
            return find_by_class(root, request)
        listing = _listed(DiskTree(root), request, f"folder {root.name} (unpacked, not verified)")
        return image_source(listing, SIZE)

    return find_published(request, decode=decode, in_folder=in_folder)


def _listed(tree: Tree, request: ImageRequest, source: str) -> Listing:
    """List the images of a folder or an archive in the original layout."""
    wnids = tuple(dict.fromkeys(_lines(tree, WNIDS)))
    refuse_other_classes(request.name, f"{tree.place}/{WNIDS}", wnids)
    images: dict[str, list[File]] = defaultdict(list)
    for file in tree.files():
        images[file.path.rpartition("/")[0]] += [file] if file.is_image else []
    by_class = [images[f"train/{wnid}/images"] for wnid in wnids]
    if not all(by_class):
        without = wnids[by_class.index([])]
        raise DatasetError(f"{tree.place} has no images in train/{shown(without)}/images", LAYOUT_HINT)
    test, test_labels = _validation(tree, wnids, images["val/images"])
    train_labels = np.repeat(np.arange(len(wnids)), [len(files) for files in by_class])
    train = [file for files in by_class for file in files]
    labels = {"train": train_labels, "test": test_labels}
    return Listing(tree, _names(tree, wnids), {"train": train, "test": test}, labels, source)


def _validation(tree: Tree, wnids: Sequence[str], images: Sequence[File]) -> tuple[list[File], Labels]:
    """Return the validation images in the order of their annotations, and their labels (N,)."""
    unlabelled = {file.parts[-1]: file for file in images}
    files, labels = [], []
    for line in _lines(tree, ANNOTATIONS):
        name, wnid = (*line.split(), "", "")[:2]
        if wnid not in wnids or name not in unlabelled:
            raise DatasetError(f"{tree.place}/{ANNOTATIONS}: {line!a} does not give another image a class", LAYOUT_HINT)
        files.append(unlabelled.pop(name))
        labels.append(wnids.index(wnid))
    if unlabelled or not files:
        left = f"{len(unlabelled)} images: {listed([shown(name) for name in unlabelled], 3)}"
        raise DatasetError(f"{tree.place}/{ANNOTATIONS} has no line for {left}", LAYOUT_HINT)
    return files, np.array(labels, np.int64)


def _names(tree: Tree, wnids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first name of each class, with its identifier if another class has the same."""
    synonyms = dict(line.split("\t", 1) for line in _lines(tree, WORDS) if "\t" in line)
    names = [synonyms.get(wnid, "").split(",")[0].strip() for wnid in wnids]
    if not all(name and name.isprintable() for name in names):
        raise DatasetError(f"{tree.place}/{WORDS} does not name every class of {WNIDS}", LAYOUT_HINT)
    count = Counter(names)
    return tuple(f"{name} ({wnid})" if count[name] > 1 else name for wnid, name in zip(wnids, names, strict=True))


def _lines(tree: Tree, path: str) -> list[str]:
    return [line.strip() for line in read_text(tree, path).splitlines() if line.strip()]
