"""Decoded images: their arrays, what is known of them, and the cache in which they are kept.

    CACHE_DIR/arrays/<name>-<key>/images-train.bin   uint8 (N, 3, S, S)
                                  labels-train.bin   int64 (N,), little-endian
                                  images-test.bin, labels-test.bin, perhaps images-val.bin, labels-val.bin
                                  meta.json          `ImageFacts`

The key identifies FORMAT, the source bytes and the size S. A folder is written under a temporary name, renamed last.
"""

import hashlib
import json
import math
import mmap
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from vitreport.data.registry import ImageRequest, Progress
from vitreport.errors import DatasetError, ResourceError
from vitreport.files import make_folder, storage_errors, write_json
from vitreport.lease import leased
from vitreport.run_id import safe_name
from vitreport.spec.data import CHANNELS
from vitreport.untrusted_files import read_bounded, reading_errors

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Channels = tuple[float, ...]

FORMAT = 3  # of the cache: any change of its files needs another
MAX_META_BYTES = 64 << 20  # the names of all classes are in it
BLOCK_IMAGES = 1000  # read at once
SPLIT_ORDER = ("train", "val", "test")
"""All splits that a dataset can have, in the order in which they are decoded and hashed."""


class Split(NamedTuple):
    """Images uint8 (N, 3, S, S), mapped copy-on-write, and their labels int64 (N,)."""

    images: Pixels
    labels: Labels


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What is known of a decoded dataset in addition to its arrays.

    `fingerprint` is the SHA-256 of class names, shapes, labels and pixels, whatever file they came from; `canonical`
    images are the published bytes. `mean` and `std` (at least 1/255) are those of each channel over the whole training
    split, where white is 1. `sizes` has the number of images of each split; `overlaps["train/test"]` counts the test
    images that are also training images, pixel by pixel; `repeated` training images are copies of another one.
    `resized` images had another size.
    """

    classes: tuple[str, ...]
    fingerprint: str
    canonical: bool
    source: str
    mean: Channels
    std: Channels
    sizes: dict[str, int] = field(default_factory=dict)
    overlaps: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    resized: int = 0


@dataclass(frozen=True, kw_only=True)
class ImageArrays(ImageFacts):
    """A decoded dataset; `splits` has "val" only if the dataset has validation images of its own."""

    splits: dict[str, Split]


class Decoding(NamedTuple):
    """A dataset while it is decoded: all labels and, in the order of SPLIT_ORDER, the images.

    Each image is uint8 (3, S, S), with a mark whether it had another size.
    """

    classes: tuple[str, ...]
    labels: Mapping[str, Labels]
    images: Iterable[tuple[Pixels, bool]]
    canonical: bool

    @classmethod
    def of(cls, classes: tuple[str, ...], splits: Mapping[str, Split], *, canonical: bool) -> Self:
        """Return images that are in memory already."""
        labels = {name: split.labels for name, split in splits.items()}
        return cls(classes, labels, ((image, False) for split in splits.values() for image in split.images), canonical)


class ImageSource(NamedTuple):
    """A dataset as it was found, known by `identity`; `decode` reads it, and downloads it first if it is `remote`."""

    source: str
    identity: str
    decode: Callable[[], Decoding]
    remote: bool = False


def load_arrays(request: ImageRequest, source: ImageSource, *, check_bytes: bool = True) -> ImageArrays:
    """Return the arrays of a source, from the cache or decoded into it.

    With `check_bytes` they are hashed, and decoded again if they do not have their fingerprint. Raises
    DatasetError if the source cannot be read, ResourceError if the cache cannot be written.
    """
    size = request.decoded_size
    key = hashlib.sha256(json.dumps([FORMAT, source.identity, size]).encode()).hexdigest()[:16]
    safe = safe_name(request.name)[:40] or "images"
    folder = request.cache_dir / "arrays" / f"{safe}-{key}"
    if found := _read(folder, size, check_bytes=check_bytes):
        return found
    make_folder(folder.parent)
    lock = folder.with_name(f".{folder.name}.lock")
    with leased(lock, str(folder), note=request.note) as check_lock, storage_errors(folder):
        if found := _read(folder, size, check_bytes=check_bytes):  # another process has just decoded it
            return found
        if folder.exists():
            request.note(f"{folder} is damaged or of an older format: decoding {request.name} again")
        _replace_folder(folder, source, request, check_lock)
        if found := _read(folder, size):
            return found
    raise ResourceError(f"{folder} is damaged though it was just written", "check the disk, or choose another cache")


def _replace_folder(folder: Path, source: ImageSource, request: ImageRequest, check_lock: Callable[[], None]) -> None:
    """Decode a source into a temporary folder, and then rename it; the caller holds the lock."""
    for leftover in folder.parent.glob(f".{folder.name}.*tmp"):
        shutil.rmtree(leftover, ignore_errors=True)  # as the lock is held, it belongs to nobody
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    make_folder(temporary)
    try:
        _decode_into(temporary, request.decoded_size, source, request.progress)
        check_lock()
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except OSError:
        check_lock()  # another process has removed the files
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read(folder: Path, size: int, *, check_bytes: bool = False) -> ImageArrays | None:
    """Return the arrays in a folder; None if a file is missing, or is not what meta.json says."""
    with suppress(OSError, ValueError):
        if facts := read_facts(folder):
            splits = _mapped(folder, facts.sizes, size)
            if not check_bytes or fingerprint(facts.classes, splits) == facts.fingerprint:
                return ImageArrays(splits=splits, **vars(facts))
    return None


def read_facts(folder: Path) -> ImageFacts | None:
    """Return the contents of meta.json in a folder of the cache, or None if it cannot be read."""
    with suppress(OSError, ValueError):
        return TypeAdapter(ImageFacts).validate_json(read_bounded(folder / "meta.json", MAX_META_BYTES))
    return None


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
    """Append the images to the files as they come, so that no split has to fit into memory, then describe them."""
    reading = partial(reading_errors, DatasetError, source.source, "unpack or copy it again")
    with reading():
        decoding = source.decode()
    counts = {split: len(decoding.labels[split]) for split in SPLIT_ORDER if split in decoding.labels}
    images, total = iter(decoding.images), sum(counts.values())
    resized = done = 0
    for split, count in counts.items():
        (folder / f"labels-{split}.bin").write_bytes(decoding.labels[split].astype("<i8").tobytes())
        with (folder / f"images-{split}.bin").open("wb") as file:
            for _ in range(count):
                with reading():
                    image, is_resized = next(images)
                file.write(image.tobytes())
                resized += is_resized
                done += 1
                progress("decoding", done, total)
    facts = image_facts(source.source, decoding, _mapped(folder, counts, size), resized)
    write_json(folder / "meta.json", TypeAdapter(ImageFacts).dump_python(facts, mode="json"))


def fingerprint(classes: Iterable[str], splits: Mapping[str, Split]) -> str:
    """Return the SHA-256, as hexadecimal digits, of class names, shapes, labels and pixels."""
    shapes = {name: split.images.shape for name, split in splits.items()}
    digest = hashlib.sha256(json.dumps({"classes": list(classes), "shapes": shapes}, sort_keys=True).encode())
    parts = [splits[name] for name in SPLIT_ORDER if name in splits]
    for split in parts:
        digest.update(split.labels.astype("<i8").tobytes())
    for split in parts:
        for block in _blocks(split.images):
            digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def image_facts(source: str, decoding: Decoding, splits: Mapping[str, Split], resized: int) -> ImageFacts:
    """Return the facts of the decoded arrays, with the number of images that had another size."""
    mean, std = _mean_and_std(splits["train"].images)
    digests = {name: np.fromiter(_digests(split.images), np.uint64) for name, split in splits.items()}
    return ImageFacts(
        classes=decoding.classes,
        fingerprint=fingerprint(decoding.classes, splits),
        canonical=decoding.canonical,
        source=source,
        mean=mean,
        std=std,
        sizes={name: len(split.labels) for name, split in splits.items()},
        overlaps={
            f"{former}/{latter}": int(np.isin(digests[latter], digests[former]).sum())
            for former, latter in combinations(splits, 2)
        },
        repeated=len(digests["train"]) - len(np.unique(digests["train"])),
        resized=resized,
    )


def _digests(images: Pixels) -> Iterator[int]:
    """Yield 64 bits of a hash of each image: of a million images, two differing ones share them in 1 of 4e7 cases."""
    for block in _blocks(images):
        for image in block:
            yield int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")


def _blocks(images: Pixels) -> Iterator[Pixels]:
    """Yield the images in blocks, so that mapped images do not stay in memory."""
    for start in range(0, len(images), BLOCK_IMAGES):
        yield images[start : start + BLOCK_IMAGES]
        if isinstance(images.base, mmap.mmap):
            images.base.madvise(mmap.MADV_DONTNEED)


def _mean_and_std(images: Pixels) -> tuple[Channels, Channels]:
    """Return the mean and the standard deviation of each channel, exact, however many pixels there are.

    The deviation is at least one step of 256, so that a channel of one value alone can be divided by it.
    """
    histogram = np.zeros((3, 256), np.int64)
    for block in _blocks(images):
        histogram += [np.bincount(channel.ravel(), minlength=256) for channel in block.swapaxes(0, 1)]
    values = np.arange(256) / 255
    weights = histogram / histogram.sum(axis=1, keepdims=True)
    mean = weights @ values
    std = np.maximum(np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1)), 1 / 255)
    return tuple(mean.tolist()), tuple(std.tolist())
