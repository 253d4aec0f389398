"""Decoded images on disk: decoded once, memory-mapped ever after.

    CACHE_DIR/arrays/<name>-<key>/images-train.bin   uint8 (N, 3, S, S)
                                  labels-train.bin   int64 (N,), little-endian
                                  images-test.bin, labels-test.bin, perhaps images-val.bin, labels-val.bin
                                  meta.json          `ImageFacts`

The key identifies the source bytes and the size S. A folder is written under a temporary name and renamed last.
"""

import hashlib
import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from vitreport.data import arrays
from vitreport.data.arrays import ImageArrays, ImageFacts, ImageSource, Split
from vitreport.data.registry import ImageRequest, Progress
from vitreport.errors import DatasetError
from vitreport.files import locked, make_folder, remove_file, storage_errors, write_json
from vitreport.spec.data import CHANNELS
from vitreport.untrusted_files import UnreadableFileError, read_bounded, reading_errors

MOST_META_BYTES = 64 << 20  # the names of all classes are in it
_FACTS = TypeAdapter(ImageFacts)
_reading = partial(reading_errors, DatasetError, hint="unpack or copy it again")


def cached(request: ImageRequest, size: int, source: ImageSource, *, check_bytes: bool = True) -> ImageArrays:
    """Return the arrays of a source at `size` pixels, from the cache or decoded into it.

    With `check_bytes` they are hashed, and decoded again if they do not have their fingerprint.

    Raises:
        DatasetError: The source cannot be read.
        ResourceError: The cache cannot be written.
    """
    folder = _folder(request, size, source)
    if found := decoded(request, size, source, check_bytes=check_bytes):
        return found
    make_folder(folder.parent)
    with storage_errors(folder), locked(folder.with_name(f".{folder.name}.lock"), soft=True):
        if found := decoded(request, size, source, check_bytes=check_bytes):  # another process has just decoded it
            return found
        if folder.exists():
            request.notify(f"{folder} is damaged or of an older format: decoding {request.name} again")
        temporary = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)  # as the lock is held, a leftover belongs to nobody
        if temporary.is_symlink():  # the images would be written to another place
            remove_file(temporary)
        make_folder(temporary)
        try:
            _decode_into(temporary, size, source, request.progress)
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    found = decoded(request, size, source)
    assert found
    return found


def decoded(request: ImageRequest, size: int, source: ImageSource, *, check_bytes: bool = False) -> ImageArrays | None:
    """Return the arrays from the cache; None if a file is missing, or is not what meta.json says."""
    folder = _folder(request, size, source)
    with suppress(UnreadableFileError, OSError, ValueError):
        facts = _FACTS.validate_json(read_bounded(folder / "meta.json", MOST_META_BYTES))
        splits = _mapped(folder, facts.sizes, size)
        if not check_bytes or arrays.fingerprint(facts.classes, splits) == facts.fingerprint:
            return ImageArrays(splits=splits, **vars(facts))
    return None


def _folder(request: ImageRequest, size: int, source: ImageSource) -> Path:
    key = hashlib.sha256(json.dumps([source.identity, size]).encode()).hexdigest()[:16]
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", request.name).strip("-.")[:40] or "images"
    return request.cache_dir / "arrays" / f"{safe}-{key}"


def _mapped(folder: Path, counts: Mapping[str, int], size: int) -> dict[str, Split]:
    """Map the images in a folder copy-on-write, and read the labels. Raises OSError or ValueError for other sizes."""
    splits = {}
    for split, count in counts.items():
        shape = (count, CHANNELS, size, size)
        images, labels = folder / f"images-{split}.bin", folder / f"labels-{split}.bin"
        if (images.stat().st_size, labels.stat().st_size) != (math.prod(shape), 8 * count):
            raise ValueError(f"{folder} has files of other sizes than meta.json says")
        splits[split] = Split(np.memmap(images, np.uint8, "c", shape=shape), np.fromfile(labels, "<i8"))
    return splits


def _decode_into(folder: Path, size: int, source: ImageSource, progress: Progress) -> None:
    """Append the chunks to the files as they come, so that no split has to fit into memory, then describe them."""
    with _reading(source.source):
        decoding = source.decode()
    counts = {split: len(decoding.labels[split]) for split in arrays.SPLIT_ORDER if split in decoding.labels}
    for split, labels in decoding.labels.items():
        (folder / f"labels-{split}.bin").write_bytes(labels.astype("<i8").tobytes())
    seen: list[arrays.Seen] = []
    done = 0
    for chunk in _chunks(decoding, source):
        with (folder / f"images-{chunk.split}.bin").open("ab") as file:
            file.write(chunk.images.tobytes())
        seen += chunk.seen
        done += len(chunk.images)
        progress("decoding", done, sum(counts.values()))
    facts = arrays.image_facts(source.source, decoding, _mapped(folder, counts, size), seen)
    write_json(folder / "meta.json", _FACTS.dump_python(facts))


def _chunks(decoding: arrays.Decoding, source: ImageSource) -> Iterator[arrays.Chunk]:
    with _reading(source.source):
        yield from decoding.chunks
