"""Images in folders by class: ROOT/{train,test}/<class>/*.{png,jpg,jpeg}.

Pixels are taken as they are stored: an EXIF orientation and a colour profile are ignored, as torchvision's
ImageFolder does. Transparent pixels are laid on white; 16-bit grey is scaled to 8 bit. Hidden files are ignored.
"""

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vitreport.data.cache import SPLITS, Chunk, Decoding, Labels, Notify, Original, Pixels
from vitreport.errors import DatasetError
from vitreport.spec.data import CHANNELS

LAYOUT_HINT = "lay it out as train/CLASS/*.png and test/CLASS/*.png (or .jpg), with the same classes in both"
SUFFIXES = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
CHUNK_IMAGES = 1000
CHUNK_BYTES = 2**25
SHOWN_ITEMS = 3
REASON_CHARACTERS = 80


class _File(NamedTuple):
    """An image file: its path relative to the data set, its bytes, and when it was changed."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class _Listing:
    """The files under `root` and the labels (N,) of their classes, by split."""

    root: Path
    classes: tuple[str, ...]
    files: dict[str, list[_File]]
    labels: dict[str, Labels]


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


def find(root: Path, size: int, notify: Notify, classes: Sequence[str] = ()) -> Original:
    """The images under `root`, which decode to `size` x `size` pixels; `classes`, if given, must be theirs.

    Images of another size are cut to a square in the middle and resized with antialiasing. Raises DatasetError
    where the folders are not laid out as they should be; decoding raises it where images do not decode.
    """
    root = root.resolve()
    with _readable(root):
        listing = _listed(root, notify)
    if classes:
        _refuse_difference(f"{root}/train", listing.classes, "the published data set", classes)
    identity = hashlib.sha256(repr(listing.files).encode()).hexdigest()
    return Original("folder of images", identity, lambda: _decode(listing, size))


def num_classes(root: Path) -> int:
    """The number of class folders. Raises DatasetError where train and test are not there or differ in them."""
    with _readable(root):
        return len(_classes(root.resolve()))


def first_image_size(root: Path) -> tuple[int, int]:
    """Width and height, from its header, of the first training image in sorted order."""
    root = root.resolve()
    with _readable(root):
        first = _files(root, f"train/{_classes(root)[0]}", ignored=[])[0].path
    try:
        with _pillow_warnings(), Image.open(root / first, formats=FORMATS) as image:
            return image.size
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise _undecodable([_Fault(first, _reason(error))], 1) from error


def _listed(root: Path, notify: Notify) -> _Listing:
    classes = _classes(root)
    files: dict[str, list[_File]] = {}
    labels: dict[str, Labels] = {}
    ignored: list[str] = []
    for split in SPLITS:
        by_class = [_files(root, f"{split}/{name}", ignored) for name in classes]
        files[split] = [file for group in by_class for file in group]
        labels[split] = np.repeat(np.arange(len(classes)), [len(group) for group in by_class])
    if ignored:
        notify(f"{root}: {len(ignored)} ignored, as not PNG or JPEG: {_some(ignored)}")
    return _Listing(root, classes, files, labels)


def _classes(root: Path) -> tuple[str, ...]:
    train, test = (_class_names(root, split) for split in SPLITS)
    _refuse_difference(f"{root}/train", train, f"{root}/test", test)
    if len(train) < 2:
        raise DatasetError(f"{root}/train has {len(train)} class folders, at least 2 are needed", LAYOUT_HINT)
    return train


def _class_names(root: Path, split: str) -> tuple[str, ...]:
    if not (root / split).is_dir():
        raise DatasetError(f"{root} has no folder {split}", LAYOUT_HINT)
    names = tuple(entry.name for entry in _visible(root, split) if entry.is_dir())
    for name in names:
        if not name.isprintable():
            raise DatasetError(f"{root}/{split} has a class folder with an unprintable name, {name!a}", "rename it")
    return names


def _refuse_difference(first: str, first_names: Sequence[str], second: str, second_names: Sequence[str]) -> None:
    alone = [(first, set(first_names) - set(second_names)), (second, set(second_names) - set(first_names))]
    if differences := [f"only {place} has {_some(sorted(names))}" for place, names in alone if names]:
        raise DatasetError(f"the classes differ: {'; '.join(differences)}", LAYOUT_HINT)


def _files(root: Path, folder: str, ignored: list[str]) -> list[_File]:
    """The image files in the folder of a class; the names of its other entries are added to `ignored`."""
    files = []
    for entry in _visible(root, folder):
        if not entry.name.lower().endswith(SUFFIXES):
            ignored.append(_shown(f"{folder}/{entry.name}"))
        elif not entry.is_file():
            raise DatasetError(f"{root}/{folder}/{_shown(entry.name)} is not a file", "remove it")
        else:
            status = entry.stat()
            files.append(_File(f"{folder}/{entry.name}", status.st_size, status.st_mtime_ns))
    if not files:
        raise DatasetError(f"{root}/{folder} holds no PNG or JPEG file", "add images, or remove the class")
    return files


def _visible(root: Path, folder: str) -> list["os.DirEntry[str]"]:
    """The entries of a folder that are not hidden, sorted by name; a link that leaves `root` is refused."""
    with os.scandir(root / folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in visible:
        if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(root):
            raise DatasetError(f"{root}/{folder}/{_shown(entry.name)} is a link out of the data set", "copy the files")
    return visible


def _decode(listing: _Listing, size: int) -> Decoding:
    return Decoding(listing.classes, listing.labels, _chunks(listing, size), canonical=False)


def _chunks(listing: _Listing, size: int) -> Iterator[Chunk]:
    """Every image is tried. Raises DatasetError after the last one where some do not decode."""
    faults: list[_Fault] = []
    length = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (CHANNELS * size**2)))
    with ThreadPoolExecutor() as pool:
        for split, files in listing.files.items():
            for start in range(0, len(files), length):
                with _pillow_warnings():
                    paths = [file.path for file in files[start : start + length]]
                    tried = list(pool.map(lambda path: _try(listing.root, path, size), paths))
                faults += [result for result in tried if isinstance(result, _Fault)]
                yield _chunk(split, [result for result in tried if isinstance(result, _Picture)], size)
    if faults:
        raise _undecodable(faults, sum(map(len, listing.files.values())))


def _chunk(split: str, pictures: list[_Picture], size: int) -> Chunk:
    images = np.empty((len(pictures), CHANNELS, size, size), np.uint8)
    for image, picture in zip(images, pictures, strict=True):
        image[:] = picture.pixels
    return Chunk(split, images, sum(picture.resized for picture in pictures))


def _try(root: Path, path: str, size: int) -> _Picture | _Fault:
    try:
        with Image.open(root / path, formats=FORMATS) as image:
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


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or root
        raise DatasetError(f"{place} cannot be read: {error.strerror}", "mend its permissions") from error


def _undecodable(faults: list[_Fault], total: int) -> DatasetError:
    shown = _some([f"{_shown(fault.path)} ({fault.reason})" for fault in faults])
    return DatasetError(f"{len(faults)} of {total} images do not decode: {shown}", "replace or delete them")


def _reason(error: Exception) -> str:
    match error:
        case UnidentifiedImageError():
            return "not a PNG or JPEG image"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
        case OSError(strerror=str(reason)):
            return reason
    return _shown(str(error)[:REASON_CHARACTERS]) or type(error).__name__


def _some(items: Sequence[str]) -> str:
    more = ", ..." if len(items) > SHOWN_ITEMS else ""
    return ", ".join(items[:SHOWN_ITEMS]) + more


def _shown(name: str) -> str:
    """A name as it can be printed: control characters and undecodable bytes are escaped."""
    return name if name.isprintable() else ascii(name)
