"""Images in folders by class: ROOT/{train,test}/<class>/*.{png,jpg,jpeg}; and how listed images are decoded.

Pixels are taken as they are stored: an EXIF orientation and a colour profile are ignored, as torchvision's
ImageFolder does. Transparent pixels are laid on white; 16-bit grey is scaled to 8 bit. Hidden files are ignored.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vitreport.data.archive import DiskTree, Tree, shown
from vitreport.data.cache import SPLITS, Chunk, Decoding, Labels, Notify, Original
from vitreport.data.pixels import Pixels
from vitreport.errors import DatasetError
from vitreport.spec.data import CHANNELS
from vitreport.text import counted

LAYOUT_HINT = "lay it out as train/CLASS/*.png and test/CLASS/*.png (or .jpg), with the same classes in both"
SUFFIXES = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
CHUNK_IMAGES = 1000
CHUNK_BYTES = 2**25
SHOWN_ITEMS = 3
REASON_CHARACTERS = 80


class ImageFile(NamedTuple):
    """An image file: its path under the root, its bytes, and when it was changed."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Listing:
    """The image files in `tree` and the labels (N,) of their classes, by split."""

    tree: Tree
    classes: tuple[str, ...]
    files: dict[str, list[ImageFile]]
    labels: dict[str, Labels]

    def counts(self) -> dict[str, int]:
        return {split: len(files) for split, files in self.files.items()}


@dataclass(frozen=True)
class _Picture:
    """Pixels uint8 (3, S, S), and whether they had to be resized."""

    pixels: Pixels
    resized: bool


@dataclass(frozen=True)
class _Fault:
    """An image that does not decode."""

    path: str
    reason: str


def find_in(root: Path, size: int, notify: Notify, classes: Sequence[str] = ()) -> Original:
    """The images under `root`, which decode to `size` x `size` pixels; `classes`, if given, must be theirs.

    Images of another size are cut to a square in the middle and resized with antialiasing. Raises DatasetError
    where the folders are not laid out as they should be; decoding raises it where images do not decode.
    """
    tree = DiskTree(root, LAYOUT_HINT)
    listing = _listed(tree, notify)
    if classes:
        refuse_difference(tree, f"{tree.place}/train", listing.classes, "the published data set", classes)
    return loose_original("folder of images", listing, size)


def num_classes(root: Path) -> int:
    """The number of class folders. Raises DatasetError where train and test are not there or differ in them."""
    return len(_classes(DiskTree(root, LAYOUT_HINT)))


def first_image_size(root: Path) -> tuple[int, int]:
    """Width and height, from its header, of the first training image in sorted order."""
    tree = DiskTree(root, LAYOUT_HINT)
    return first_size(tree, f"train/{_classes(tree)[0]}")


def count_images(root: Path) -> dict[str, int]:
    """The image files of each split. Raises DatasetError where the folders are not laid out as they should be."""
    return _listed(DiskTree(root, LAYOUT_HINT), notify=lambda line: None).counts()


def first_size(tree: Tree, folder: str) -> tuple[int, int]:
    """Width and height, from its header, of the first image in a folder."""
    first = image_files(tree, folder, ignored=[])[0].path
    try:
        with _pillow_warnings(), tree.open(first) as file, Image.open(file, formats=FORMATS) as image:
            return image.size
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise _undecodable([_Fault(first, _reason(error))], 1) from error


def loose_original(source: str, listing: Listing, size: int) -> Original:
    """Images in files of their own, of which nobody published checksums.

    They are others where a class, a path, a size or a time of modification is another one: bytes that are replaced
    by as many, with the former time put back, are not noticed.
    """
    labels = [listing.labels[split].tolist() for split in SPLITS]
    identity = hashlib.sha256(repr((listing.classes, listing.files, labels)).encode()).hexdigest()
    return Original(source, identity, lambda: decoding(listing, size, canonical=False))


def decoding(listing: Listing, size: int, *, canonical: bool) -> Decoding:
    return Decoding(listing.classes, listing.labels, _chunks(listing, size), canonical)


def folder_names(tree: Tree, folder: str) -> tuple[str, ...]:
    """The folders in a folder, each named after a class."""
    names = tuple(entry.name for entry in tree.entries(folder) if entry.kind == "folder")
    for name in names:
        if not name.isprintable():
            message = f"{tree.place}/{folder} has a class folder with an unprintable name, {name!a}"
            raise DatasetError(message, "rename it")
    return names


def image_files(tree: Tree, folder: str, ignored: list[str]) -> list[ImageFile]:
    """The image files in a folder, at least one; the paths of its other entries are added to `ignored`."""
    files, before = [], len(ignored)
    for entry in tree.entries(folder):
        path = f"{folder}/{entry.name}"
        if not entry.name.lower().endswith(SUFFIXES):
            ignored.append(shown(path))
        elif entry.kind != "file":
            raise DatasetError(f"{tree.place}/{shown(path)} is not a file", "remove it")
        else:
            files.append(ImageFile(path, entry.size, entry.modified_ns))
    if not files:
        others = ignored[before:]
        told = f", but {counted(len(others), 'other')}, such as {others[0]}" if others else ""
        raise DatasetError(f"{tree.place}/{folder} holds no PNG or JPEG file{told}", "add images, or remove the class")
    return files


def tell_ignored(tree: Tree, ignored: Sequence[str], notify: Notify) -> None:
    if ignored:
        notify(f"{tree.place}: {len(ignored)} ignored, as not PNG or JPEG: {some(ignored)}")


def refuse_difference(tree: Tree, first: str, first_names: Sequence[str], second: str, names: Sequence[str]) -> None:
    """Raise DatasetError where the classes at two places are not the same."""
    alone = [(first, set(first_names) - set(names)), (second, set(names) - set(first_names))]
    if differences := [f"only {place} has {some(sorted(extra))}" for place, extra in alone if extra]:
        raise DatasetError(f"the classes differ: {'; '.join(differences)}", tree.layout_hint)


def some(items: Sequence[str]) -> str:
    """The first few, as they can be printed."""
    more = ", ..." if len(items) > SHOWN_ITEMS else ""
    return ", ".join(items[:SHOWN_ITEMS]) + more


def _listed(tree: Tree, notify: Notify) -> Listing:
    classes = _classes(tree)
    files: dict[str, list[ImageFile]] = {}
    labels: dict[str, Labels] = {}
    ignored: list[str] = []
    for split in SPLITS:
        by_class = [image_files(tree, f"{split}/{name}", ignored) for name in classes]
        files[split] = [file for group in by_class for file in group]
        labels[split] = np.repeat(np.arange(len(classes)), [len(group) for group in by_class])
    tell_ignored(tree, ignored, notify)
    return Listing(tree, classes, files, labels)


def _classes(tree: Tree) -> tuple[str, ...]:
    train, test = (folder_names(tree, split) for split in SPLITS)
    refuse_difference(tree, f"{tree.place}/train", train, f"{tree.place}/test", test)
    if len(train) < 2:
        raise DatasetError(f"{tree.place}/train has {len(train)} class folders, at least 2 are needed", LAYOUT_HINT)
    return train


def _chunks(listing: Listing, size: int) -> Iterator[Chunk]:
    """Every image is tried. Raises DatasetError after the last one where some do not decode."""
    faults: list[_Fault] = []
    length = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (CHANNELS * size**2)))
    with ThreadPoolExecutor() as pool:
        for split, files in listing.files.items():
            for start in range(0, len(files), length):
                with _pillow_warnings():
                    paths = [file.path for file in files[start : start + length]]
                    tried = list(pool.map(lambda path: _try(listing.tree, path, size), paths))
                faults += [result for result in tried if isinstance(result, _Fault)]
                yield _chunk(split, [result for result in tried if isinstance(result, _Picture)], size)
    if faults:
        raise _undecodable(faults, sum(map(len, listing.files.values())))


def _chunk(split: str, pictures: list[_Picture], size: int) -> Chunk:
    images = np.empty((len(pictures), CHANNELS, size, size), np.uint8)
    for image, picture in zip(images, pictures, strict=True):
        image[:] = picture.pixels
    return Chunk(split, images, sum(picture.resized for picture in pictures))


def _try(tree: Tree, path: str, size: int) -> _Picture | _Fault:
    try:
        with tree.open(path) as file, Image.open(file, formats=FORMATS) as image:
            rgb, resized = _rgb(image), image.size != (size, size)
        if resized:
            rgb = ImageOps.fit(rgb, (size, size), Image.Resampling.BILINEAR)
        return _Picture(np.asarray(rgb).transpose(2, 0, 1), resized)
    except Exception as error:  # damaged files make Pillow raise almost anything
        return _Fault(path, _reason(error))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """An image that would fill the memory is an error; other warnings of Pillow are none of the user's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _undecodable(faults: list[_Fault], total: int) -> DatasetError:
    shown_faults = some([f"{shown(fault.path)} ({fault.reason})" for fault in faults])
    return DatasetError(f"{len(faults)} of {total} images do not decode: {shown_faults}", "replace or delete them")


def _reason(error: Exception) -> str:
    match error:
        case UnidentifiedImageError():
            return "not a PNG or JPEG image"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
        case OSError(strerror=str(reason)):
            return reason
    return shown(str(error)[:REASON_CHARACTERS]) or type(error).__name__
