"""Decoded images on disk: decoded once, memory-mapped ever after.

    CACHE_DIR/arrays/<name>-<key>/images-train.bin   uint8 (N, 3, S, S)
                                  labels-train.bin   int64 (N,), little-endian
                                  images-test.bin, labels-test.bin, perhaps images-val.bin, labels-val.bin
                                  meta.json          what `_Meta` lists

The key identifies the source bytes and the size S. A folder is written under a temporary name and renamed last.
"""

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from vitreport.data.arrays import (
    SPLIT_ORDER,
    Chunk,
    ImageArrays,
    ImageFacts,
    ImageSource,
    Seen,
    Split,
    equal_images,
    fingerprint,
    mean_and_std,
)
from vitreport.data.registry import ImageRequest, Progress
from vitreport.errors import DatasetError
from vitreport.files import locked, make_folder, remove_file, storage_errors, write_json
from vitreport.spec.data import CHANNELS
from vitreport.untrusted_files import UnreadableFileError, read_bounded, reading_errors

MOST_META_BYTES = 64 << 20  # the names of all classes are in it
COPY_HINT = "unpack or copy it again"


@dataclass(frozen=True)
class _Meta:
    """The facts, the number of images of each split, and their side S."""

    facts: ImageFacts
    counts: dict[str, int]
    size: int


_META = TypeAdapter(_Meta)


def cached(request: ImageRequest, size: int, source: ImageSource, *, check_bytes: bool = True) -> ImageArrays:
    """Return the arrays of a source at `size` pixels, from the cache or decoded into it.

    With `check_bytes` they are hashed, and decoded again if they do not have their fingerprint.

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
    """Return the arrays from the cache, their bytes unchecked; None if they are not in it, or incomplete."""
    try:
        return _load(_folder(request, size, source))
    except (OSError, ValueError):
        return None


def _folder(request: ImageRequest, size: int, source: ImageSource) -> Path:
    key = hashlib.sha256(json.dumps([source.identity, size]).encode()).hexdigest()[:16]
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", request.name).strip("-.")[:40] or "images"
    return request.cache_dir / "arrays" / f"{safe}-{key}"


def _load(folder: Path, *, check_bytes: bool = False) -> ImageArrays:
    """Raises OSError or ValueError if a file is missing or is not what meta.json says."""
    try:
        meta = _META.validate_json(read_bounded(folder / "meta.json", MOST_META_BYTES))
    except UnreadableFileError as error:
        raise OSError(error.reason) from error
    splits = _mapped(folder, meta.counts, meta.size)
    if check_bytes and fingerprint(meta.facts.classes, splits) != meta.facts.fingerprint:
        raise ValueError(f"{folder} has arrays of another fingerprint than meta.json says")
    return ImageArrays(splits=splits, **vars(meta.facts))


def _mapped(folder: Path, counts: dict[str, int], size: int) -> dict[str, Split]:
    """The arrays in a folder, the images mapped copy-on-write. Raises OSError or ValueError for other sizes."""
    splits = {}
    for split, count in counts.items():
        shape = (count, CHANNELS, size, size)
        images, labels = folder / f"images-{split}.bin", folder / f"labels-{split}.bin"
        if (images.stat().st_size, labels.stat().st_size) != (math.prod(shape), 8 * count):
            raise ValueError(f"{folder} has files of other sizes than meta.json says")
        splits[split] = Split(np.memmap(images, np.uint8, "c", shape=shape), np.fromfile(labels, "<i8"))
    return splits


def _build(folder: Path, size: int, source: ImageSource, progress: Progress) -> None:
    """Decode into a temporary folder and rename it. The caller holds the lock, so a leftover belongs to nobody."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    if temporary.is_symlink():  # the images would be written to another place
        remove_file(temporary)
    make_folder(temporary)
    try:
        _fill(temporary, size, source, progress)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(folder: Path, size: int, source: ImageSource, progress: Progress) -> None:
    """Append the chunks to the files as they come, so that no split has to fit into memory, then describe them."""
    with reading_errors(DatasetError, source.source, COPY_HINT):
        decoding = source.decode()
    counts = {split: len(decoding.labels[split]) for split in SPLIT_ORDER if split in decoding.labels}
    for split, labels in decoding.labels.items():
        (folder / f"labels-{split}.bin").write_bytes(labels.astype("<i8").tobytes())
    done, seen = 0, Seen()
    for chunk in _read(decoding.chunks, source):
        with (folder / f"images-{chunk.split}.bin").open("ab") as file:
            file.write(chunk.images.tobytes())
        done, seen = done + len(chunk.images), Seen.of_all([seen, chunk.seen])
        progress("decoding", done, sum(counts.values()))
    for path in folder.iterdir():
        with path.open("ab") as file:
            os.fsync(file.fileno())
    splits = _mapped(folder, counts, size)
    mean, std = mean_and_std(splits["train"].images)
    overlaps, repeated = equal_images(splits)
    facts = ImageFacts(
        classes=decoding.classes,
        fingerprint=fingerprint(decoding.classes, splits),
        canonical=decoding.canonical,
        source=source.source,
        mean=mean,
        std=std,
        seen=seen,
        overlaps=overlaps,
        repeated=repeated,
        intensity_range=decoding.intensity_range,
    )
    write_json(folder / "meta.json", _META.dump_python(_Meta(facts, counts, size)))


def _read(chunks: Iterable[Chunk], source: ImageSource) -> Iterator[Chunk]:
    with reading_errors(DatasetError, source.source, COPY_HINT):
        yield from chunks
