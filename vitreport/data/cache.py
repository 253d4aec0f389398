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
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import TypeAdapter

from vitreport.data import arrays
from vitreport.data.arrays import ImageArrays, ImageFacts, ImageSource, Split
from vitreport.data.request import ImageRequest, Progress
from vitreport.errors import DatasetError
from vitreport.files import locked, make_folder, remove_file, storage_errors, write_json
from vitreport.spec.data import CHANNELS
from vitreport.untrusted_files import UnreadableFileError, read_bounded, reading_errors

MOST_META_BYTES = 64 << 20  # the names of all classes are in it


@dataclass(frozen=True, kw_only=True)
class _Meta(ImageFacts):
    """`sizes` are the bytes of each array's file; `stored_size` is S. Older caches have `resized` and no `seen`."""

    schema_version: Literal[1] = 1
    stored_size: int
    counts: dict[str, int]
    sizes: dict[str, int]
    resized: int = 0


_META = TypeAdapter(_Meta)


def cached(request: ImageRequest, size: int, source: ImageSource, *, check_bytes: bool = True) -> ImageArrays:
    """Return the arrays of a source at `size` pixels, from the cache or decoded into it.

    With `check_bytes` they are hashed, and decoded again where they are not those of their fingerprint.

    Raises:
        DatasetError: The source cannot be read.
        ResourceError: The cache cannot be written.
    """
    folder = _folder(request, size, source)
    with suppress(OSError, ValueError):
        return _load(folder, check_bytes=check_bytes)
    make_folder(folder.parent)
    with storage_errors(folder), locked(folder.with_name(f".{folder.name}.lock"), soft=True):
        try:  # another process may just have decoded it
            return _load(folder, check_bytes=check_bytes)
        except (OSError, ValueError):
            if folder.exists():
                request.notify(f"{folder} is damaged or of an older format: decoding {request.name} again")
        _build(folder, size, source, request.progress)
        return _load(folder)


def decoded(request: ImageRequest, size: int, source: ImageSource) -> ImageArrays | None:
    """Return the arrays from the cache, their bytes unchecked; None where they are not in it, or not whole."""
    try:
        return _load(_folder(request, size, source))
    except (OSError, ValueError):
        return None


def _folder(request: ImageRequest, size: int, source: ImageSource) -> Path:
    key = hashlib.sha256(json.dumps([source.identity, size]).encode()).hexdigest()[:16]
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", request.name).strip("-.")[:40] or "images"
    return request.cache_dir / "arrays" / f"{safe}-{key}"


def _load(folder: Path, *, check_bytes: bool = False) -> ImageArrays:
    """Raises OSError or ValueError where a file is missing or is not what meta.json says."""
    try:
        meta = _META.validate_json(read_bounded(folder / "meta.json", MOST_META_BYTES))
    except UnreadableFileError as error:
        raise OSError(error.reason) from error
    splits = {}
    for split in arrays.in_order(meta.counts):
        for kind in ("images", "labels"):
            file = folder / f"{kind}-{split}.npy"
            if not file.is_file() or file.stat().st_size != meta.sizes.get(file.name):
                raise ValueError(f"{file} has another length than meta.json says")
        images = np.load(folder / f"images-{split}.npy", mmap_mode="c", allow_pickle=False)
        labels = np.load(folder / f"labels-{split}.npy", allow_pickle=False)
        count, size = meta.counts[split], meta.stored_size
        if images.shape != (count, CHANNELS, size, size) or labels.shape != (count,):
            raise ValueError(f"{folder} has arrays of other shapes than meta.json says")
        splits[split] = Split(images, labels)
    if check_bytes and arrays.fingerprint(meta.classes, splits) != meta.fingerprint:
        raise ValueError(f"{folder} has arrays of another fingerprint than meta.json says")
    facts = {fact.name: getattr(meta, fact.name) for fact in fields(ImageFacts)}
    if meta.resized and not meta.seen.resized:
        facts["seen"] = meta.seen.model_copy(update={"resized": meta.resized})
    return ImageArrays(splits=splits, **facts)


def _build(folder: Path, size: int, source: ImageSource, progress: Progress) -> None:
    """Decode into a temporary folder and rename it. The caller holds the lock: a leftover is nobody's."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    if temporary.is_symlink():  # through which the images would be written to another place
        remove_file(temporary)
    make_folder(temporary)
    try:
        _fill(temporary, size, source, progress)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(folder: Path, size: int, source: ImageSource, progress: Progress) -> None:
    """Append the chunks to the files of the arrays as they come, so that no split has to fit into memory."""
    with _decoding_errors(source):
        decoding = source.decode()
    counts = {split: len(decoding.labels[split]) for split in arrays.in_order(decoding.labels)}
    for split, count in counts.items():
        labels = arrays.little_endian(decoding.labels[split])
        (folder / f"labels-{split}.npy").write_bytes(_npy_header((count,), "<i8") + labels)
        (folder / f"images-{split}.npy").write_bytes(_npy_header((count, CHANNELS, size, size), "|u1"))
    tally = _Tally(decoding, size)
    for chunk in _read(decoding.chunks, source):
        with (folder / f"images-{chunk.split}.npy").open("ab") as file:
            file.write(chunk.images.tobytes())
        tally.add(chunk)
        progress("decoding", tally.decoded, sum(counts.values()))
    sizes = {}
    for path in folder.iterdir():
        with path.open("ab") as file:
            os.fsync(file.fileno())
            sizes[path.name] = file.tell()
    meta = _Meta(**vars(tally.facts(source.source)), stored_size=size, counts=counts, sizes=sizes)
    write_json(folder / "meta.json", _META.dump_python(meta))


def _decoding_errors(source: ImageSource) -> AbstractContextManager[None]:
    return reading_errors(DatasetError, source.source, "unpack or copy it again")


def _read(chunks: Iterable[arrays.Chunk], source: ImageSource) -> Iterator[arrays.Chunk]:
    with _decoding_errors(source):
        yield from chunks


def _npy_header(shape: tuple[int, ...], kind: str) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    return header.getvalue()


class _Tally:
    """What is counted while the chunks go by: all training images first, then the others."""

    def __init__(self, decoding: arrays.Decoding, size: int) -> None:
        self.decoded = 0
        self._decoding = decoding
        self._digest = arrays.labels_digest(decoding.classes, decoding.labels, size)
        self._seen = arrays.NOTHING_SEEN
        self._histogram = np.zeros((CHANNELS, 256), np.int64)
        self._images: dict[str, set[bytes]] = {"train": set(), "val": set(), "test": set()}
        self._shared = Counter[tuple[str, str]]()

    def add(self, chunk: arrays.Chunk) -> None:
        self.decoded += len(chunk.images)
        self._digest.update(chunk.images.tobytes())
        digests = arrays.image_digests(chunk.images)
        for earlier in arrays.SPLIT_ORDER[: arrays.SPLIT_ORDER.index(chunk.split)]:
            self._shared[earlier, chunk.split] += sum(digest in self._images[earlier] for digest in digests)
        self._images[chunk.split].update(digests)
        seen = chunk.seen
        if chunk.split == "train":
            for channel, counts in enumerate(self._histogram):
                counts += np.bincount(chunk.images[:, channel].ravel(), minlength=256)
        else:  # the ranges are those of the training images
            seen = seen.model_copy(update={"grey16": None, "colour16": None})
        self._seen = arrays.Seen.of_all([self._seen, seen])

    def facts(self, source: str) -> ImageFacts:
        mean, std = self._mean_and_std()
        return ImageFacts(
            classes=self._decoding.classes,
            fingerprint=self._digest.hexdigest(),
            canonical=self._decoding.canonical,
            source=source,
            mean=mean,
            std=std,
            seen=self._seen,
            overlap=self._shared["train", "test"],
            validation_overlap=self._shared["train", "val"],
            selection_overlap=self._shared["val", "test"],
            intensity_range=self._decoding.intensity_range,
        )

    def _mean_and_std(self) -> tuple[arrays.Channels, arrays.Channels]:
        """Of each channel of the training images: exact, however many pixels there are.

        The deviation is at least one step of 256, so that a channel of one value alone can be divided by it.
        """
        values = np.arange(256) / 255
        weights = self._histogram / self._histogram.sum(axis=1, keepdims=True)
        mean = weights @ values
        std = np.maximum(np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1)), 1 / 255)
        return (float(mean[0]), float(mean[1]), float(mean[2])), (float(std[0]), float(std[1]), float(std[2]))
