"""Tiny ImageNet: 110,000 photographs of 64 x 64 pixels in 200 classes, from its archive, its own layout or folders.

wnids.txt                  the WordNet identifier of a class a line, in the order of the labels
words.txt                  an identifier, a tab and its names a line: n02124075<TAB>Egyptian cat
train/<wnid>/images/*.JPEG
val/images/*.JPEG          the test split here, as the labels of test/images were never published
val/val_annotations.txt    a file and its class a line: val_0.JPEG<TAB>n03444034<TAB>...
"""

from collections import Counter, defaultdict
from pathlib import Path

from vitreport.data.archive import Tree, disk_tree, is_image, read_text, zip_tree
from vitreport.data.arrays import Decoding, ImageSource
from vitreport.data.decode import Listing, decode_listed
from vitreport.data.fetch import find_published
from vitreport.data.folder import Labelled, arranged, check_same_classes, image_source
from vitreport.data.registry import ImageRequest
from vitreport.errors import DatasetError

WNIDS, WORDS, ANNOTATIONS = "wnids.txt", "words.txt", "val/val_annotations.txt"
LAYOUT_HINT = f"arrange it as {WNIDS}, {WORDS}, train/WNID/images/*.JPEG, val/images/*.JPEG and {ANNOTATIONS}"


def find(request: ImageRequest) -> ImageSource:
    """Find the archive, what was unpacked from it, or folders by class; else a download."""

    def decode(path: Path) -> Decoding:
        listing = _listed(zip_tree(path, "tiny-imagenet-200"), request, "archive")
        return decode_listed(listing, request.decoded_size, canonical=True)

    def in_folder(root: Path) -> ImageSource:
        listing = _listed(disk_tree(root), request, f"folder {root.name} (unpacked, not verified)")
        return image_source(listing, request.decoded_size)

    return find_published(request, decode, in_folder)


def _listed(tree: Tree, request: ImageRequest, source: str) -> Listing:
    """List the images of a folder or an archive in the original layout."""
    wnids = tuple(dict.fromkeys(_lines(tree, WNIDS)))
    check_same_classes(request.name, f"{tree.place}/{WNIDS}", wnids)
    by_folder: dict[str, list[str]] = defaultdict(list)
    for file in filter(is_image, tree.files):
        by_folder[file.rpartition("/")[0]].append(file)
    images = [Labelled("train", wnid, file) for wnid in wnids for file in by_folder[f"train/{wnid}/images"]]
    files = {file.rpartition("/")[2]: file for file in by_folder["val/images"]}
    labels = {name: wnid for name, wnid, *_ in ((*line.split(), "") for line in _lines(tree, ANNOTATIONS))}
    if labels.keys() != files.keys() or not set(labels.values()) <= set(wnids):
        fault = f"must give each image in val/images, and no other file, a class of {WNIDS}"
        raise DatasetError(f"{tree.place}/{ANNOTATIONS} {fault}", LAYOUT_HINT)
    images += [Labelled("test", wnid, files[name]) for name, wnid in labels.items()]
    return arranged(tree, images, source, wnids)._replace(classes=_names(tree, wnids))


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
