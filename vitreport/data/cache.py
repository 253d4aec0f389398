"""Decoded images on disk: decoded once, memory-mapped ever after.

    CACHE_DIR/arrays/<name>-<key>/images-train.npy   uint8 (N, 3, S, S)
                                  labels-train.npy   int64 (N,)
                                  images-test.npy, labels-test.npy, perhaps images-val.npy, labels-val.npy
                                  meta.json          what `_Meta` lists

The key stands for the source bytes and the size S. A folder is written under a temporary name and renamed last.
"""

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from vitreport.data.archive import reading
from vitreport.data.pixels import NOTHING_SEEN, Channels, PixelCounts, Pixels, Range, Seen
from vitreport.data.splits import Labels, Split, fingerprint, in_order, labels_digest, little_endian
from vitreport.files import locked, make_folder, remove_file, storage_errors, write_json
from vitreport.reading import UnreadableFileError, read_bounded
from vitreport.spec.data import CHANNELS
from vitreport.spec.section import Section

Notify = Callable[[str], None]
Progress = Callable[[str, int, int | None], None]

MOST_META_BYTES = 64 << 20  # the names of all classes are in it


@dataclass(frozen=True)
class ImageArrays:
    """A decoded data set; `splits` has "val" only where the data set has validation images of its own.

    `fingerprint` is the SHA-256 of class names, shapes, labels and pixels, whatever file they came from.
    `canonical` says that these are the published bytes. `mean` and `std` are those of the whole training split,
    before images are held out or cut off by `data.limit`: by channel, in units where white is 1, no deviation below
    1/255. `seen` is what was seen of the files. `overlap` counts the test images that are training images too,
    pixel by pixel (None where an older cache does not say it), `validation_overlap` the validation images that are, and
    `selection_overlap` the test images that are validation images too. `intensity_range` are the 16-bit values that
    became black and white, None for 0 and 65535.
    """

    splits: dict[str, Split]
    classes: tuple[str, ...]
    fingerprint: str
    canonical: bool
    source: str
    mean: Channels
    std: Channels
    seen: Seen = NOTHING_SEEN
    overlap: int | None = None
    validation_overlap: int = 0
    selection_overlap: int = 0
    intensity_range: Range | None = None

    @property
    def resized(self) -> int:
        """The number of images that had another size."""
        return self.seen.resized

    @property
    def size(self) -> int:
        """The side of the decoded images."""
        return int(self.splits["train"].images.shape[-1])


@dataclass(frozen=True)
class Chunk:
    """The next images of a split, uint8 (n, 3, S, S)."""

    split: str
    images: Pixels
    seen: Seen = NOTHING_SEEN


@dataclass(frozen=True)
class Decoding:
    """A data set while it is decoded: all labels, then the images, in the order of SPLIT_ORDER."""

    classes: tuple[str, ...]
    labels: Mapping[str, Labels]
    chunks: Iterable[Chunk]
    canonical: bool
    intensity_range: Range | None = None


@dataclass(frozen=True)
class Original:
    """A data set as it was found: another `identity` is another set, `decode` reads (if `remote`, fetches) them."""

    source: str
    identity: str
    decode: Callable[[], Decoding]
    remote: bool = False


@dataclass(frozen=True)
class Places:
    """Where a reader may look and write, and whom it tells what it does."""

    data_dir: Path
    cache_dir: Path
    notify: Notify
    progress: Progress


_KEPT = {field.name for field in fields(ImageArrays)} - {"splits", "seen"}


class _Meta(Section):
    """`sizes` are the bytes of each array's file; `stored_size` is S. Older caches have `resized` and no `seen`."""

    schema_version: Literal[1] = 1
    classes: tuple[str, ...]
    stored_size: int
    counts: dict[str, int]
    sizes: dict[str, int]
    fingerprint: str
    canonical: bool
    source: str
    mean: Channels
    std: Channels
    resized: int = 0
    seen: Seen = NOTHING_SEEN
    overlap: int | None = None
    validation_overlap: int = 0
    selection_overlap: int = 0
    intensity_range: Range | None = None


def cached(name: str, size: int, original: Original, places: Places, *, check_bytes: bool = True) -> ImageArrays:
    """The arrays of `original` at `size` pixels, from the cache or decoded into it.

    With `check_bytes` they are hashed, and decoded again where they are not those of their fingerprint. Raises
    DatasetError where the source cannot be read and ResourceError where the cache cannot be written.
    """
    folder = _folder(name, size, original, places)
    with suppress(OSError, ValueError):
        return _load(folder, check_bytes=check_bytes)
    make_folder(folder.parent)
    with storage_errors(folder), locked(folder.with_name(f".{folder.name}.lock"), soft=True):
        try:
            return _load(folder, check_bytes=check_bytes)
        except (OSError, ValueError):
            if folder.exists():
                places.notify(f"{folder} is damaged or of an older format: decoding {name} again")
        _build(folder, size, original, places.progress)
        return _load(folder)


def decoded(name: str, size: int, original: Original, places: Places) -> ImageArrays | None:
    """The arrays from the cache, their bytes unchecked; None where they are not in it, or not whole."""
    try:
        return _load(_folder(name, size, original, places))
    except (OSError, ValueError):
        return None


def _folder(name: str, size: int, original: Original, places: Places) -> Path:
    key = hashlib.sha256(json.dumps([original.identity, size]).encode()).hexdigest()[:16]
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:40] or "images"
    return places.cache_dir / "arrays" / f"{safe}-{key}"


def _load(folder: Path, *, check_bytes: bool = False) -> ImageArrays:
    """Raises OSError or ValueError where a file is missing or is not what meta.json says."""
    meta = _Meta.model_validate_json(_meta_content(folder / "meta.json"))
    splits = {split: _load_split(folder, split, meta) for split in in_order(meta.counts)}
    if check_bytes and fingerprint(meta.classes, splits) != meta.fingerprint:
        raise ValueError(f"{folder} has arrays of another fingerprint than meta.json says")
    seen = meta.seen if meta.seen.resized else meta.seen.model_copy(update={"resized": meta.resized})
    own = {name: value for name, value in meta if name in _KEPT}
    return ImageArrays(splits=splits, **own | {"seen": seen})


def _meta_content(path: Path) -> bytes:
    try:
        return read_bounded(path, MOST_META_BYTES)
    except UnreadableFileError as error:
        raise OSError(f"{path} {error.reason}") from error


def _load_split(folder: Path, split: str, meta: _Meta) -> Split:
    for kind in ("images", "labels"):
        file = folder / f"{kind}-{split}.npy"
        if not file.is_file() or file.stat().st_size != meta.sizes.get(file.name):
            raise ValueError(f"{file} has another length than meta.json says")
    images = np.load(folder / f"images-{split}.npy", mmap_mode="c", allow_pickle=False)
    labels = np.load(folder / f"labels-{split}.npy", allow_pickle=False)
    count = meta.counts.get(split)
    if images.shape != (count, CHANNELS, meta.stored_size, meta.stored_size) or labels.shape != (count,):
        raise ValueError(f"{folder} has arrays of other shapes than meta.json says")
    return Split(images, labels)


def _build(folder: Path, size: int, original: Original, progress: Progress) -> None:
    """Decode into a temporary folder and rename it. The caller holds the lock: a leftover is nobody's."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    if temporary.is_symlink():  # through which the images would be written to another place
        remove_file(temporary)
    make_folder(temporary)
    try:
        _fill(temporary, size, original, progress)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(folder: Path, size: int, original: Original, progress: Progress) -> None:
    with reading(original.source):
        decoding = original.decode()
    tally = _Tally(decoding, size)
    for split in in_order(decoding.labels):
        count = len(decoding.labels[split])
        _append(folder / f"labels-{split}.npy", _npy_header((count,), "<i8") + little_endian(decoding.labels[split]))
        _append(folder / f"images-{split}.npy", _npy_header((count, CHANNELS, size, size), "|u1"))
    for chunk in _read(decoding.chunks, original.source):
        _append(folder / f"images-{chunk.split}.npy", chunk.images.tobytes())
        tally.add(chunk)
        progress("decoding", tally.decoded, tally.total)
    sizes = {file.name: _flush(file) for file in folder.iterdir()}
    write_json(folder / "meta.json", tally.meta(original.source, decoding.canonical, sizes).model_dump())


def _read(chunks: Iterable[Chunk], source: str) -> Iterator[Chunk]:
    with reading(source):
        yield from chunks


def _npy_header(shape: tuple[int, ...], kind: str) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    return header.getvalue()


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _flush(path: Path) -> int:
    """Flush a file to the disk; its size in bytes."""
    with path.open("ab") as file:
        os.fsync(file.fileno())
        return file.tell()


_UNSEEN_DEPTH = {"grey16": None, "colour16": None}  # the range is that of the training images


class _Tally:
    """What is counted while the chunks go by."""

    def __init__(self, decoding: Decoding, size: int) -> None:
        self._decoding = decoding
        self._size = size
        self._digest = labels_digest(decoding.classes, decoding.labels, size)
        self._pixels = PixelCounts()
        self._seen = NOTHING_SEEN
        self.decoded = 0
        self.total = sum(map(len, decoding.labels.values()))

    def add(self, chunk: Chunk) -> None:
        self._digest.update(chunk.images.tobytes())
        trained = chunk.seen if chunk.split == "train" else chunk.seen.model_copy(update=_UNSEEN_DEPTH)
        self._seen = Seen.of_all([self._seen, trained])
        self.decoded += len(chunk.images)
        self._pixels.add(chunk.split, chunk.images)

    def meta(self, source: str, canonical: bool, sizes: dict[str, int]) -> _Meta:
        mean, std = self._pixels.mean_and_std()
        return _Meta(
            classes=self._decoding.classes,
            stored_size=self._size,
            counts={split: len(labels) for split, labels in self._decoding.labels.items()},
            sizes=sizes,
            fingerprint=self._digest.hexdigest(),
            canonical=canonical,
            source=source,
            mean=mean,
            std=std,
            seen=self._seen,
            overlap=self._pixels.overlap,
            validation_overlap=self._pixels.validation_overlap,
            selection_overlap=self._pixels.selection_overlap,
            intensity_range=self._decoding.intensity_range,
        )
