"""Decoded images: their arrays, the hash by which they are known, and how a data set is decoded into them."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from vitreport.spec.data import CHANNELS
from vitreport.spec.section import Section

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Channels = tuple[float, float, float]
Range = tuple[float, float]

SPLIT_ORDER = ("train", "val", "test")
"""All splits that a data set can have, in the order in which they are decoded and hashed."""


class Seen(Section):
    """What was seen of image files while they were decoded.

    `resized` counts the images that had another size, `sides` has the smallest and the largest of their shorter sides.
    `turned` counts the images that were turned upright, `several` the files with several pictures. `grey16` and
    `colour16` are the lowest and the highest value in images of more than 8 bits.
    """

    resized: int = 0
    sides: tuple[int, int] | None = None
    turned: int = 0
    several: int = 0
    grey16: Range | None = None
    colour16: Range | None = None

    @classmethod
    def of_all(cls, parts: Iterable[Self]) -> Self:
        """Combine what was seen of several parts."""
        parts = list(parts)
        sides = joined_range(part.sides for part in parts)
        return cls(
            resized=sum(part.resized for part in parts),
            sides=sides and (int(sides[0]), int(sides[1])),
            turned=sum(part.turned for part in parts),
            several=sum(part.several for part in parts),
            grey16=joined_range(part.grey16 for part in parts),
            colour16=joined_range(part.colour16 for part in parts),
        )


NOTHING_SEEN = Seen()


def joined_range(ranges: Iterable[Range | None]) -> Range | None:
    """Return the range from the lowest to the highest of some ranges; None if there is none."""
    known = [limits for limits in ranges if limits is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


@dataclass(frozen=True)
class Split:
    """Images uint8 (N, 3, S, S), mapped copy-on-write, and their labels int64 (N,)."""

    images: Pixels
    labels: Labels


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What is known of a decoded data set beside its arrays.

    Attributes:
        classes: The names of the classes, by label.
        fingerprint: The SHA-256 of class names, shapes, labels and pixels, whatever file they came from.
        canonical: Whether these are the published bytes.
        source: Where the images are from, for the user.
        mean: The mean of each channel over the whole training split, in units where white is 1.
        std: The standard deviation of each channel, at least 1/255.
        seen: What was seen of the files.
        overlap: The number of test images that are training images too, pixel by pixel; None in older caches.
        validation_overlap: The number of validation images that are training images too.
        selection_overlap: The number of test images that are validation images too.
        intensity_range: The 16-bit values that became black and white; None for 0 and 65535.
    """

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


@dataclass(frozen=True, kw_only=True)
class ImageArrays(ImageFacts):
    """A decoded data set; `splits` has "val" only if the data set has validation images of its own."""

    splits: dict[str, Split]

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
class ImageSource:
    """A data set as it was found; `decode` reads the images, and downloads them first if they are `remote`.

    Another `identity` is another data set.
    """

    source: str
    identity: str
    decode: Callable[[], Decoding]
    remote: bool = False


def fingerprint(classes: Iterable[str], splits: Mapping[str, Split]) -> str:
    """Return the SHA-256, as hexadecimal digits, of class names, shapes, labels and pixels."""
    labels = {split: splits[split].labels for split in in_order(splits)}
    digest = labels_digest(classes, labels, splits["train"].images.shape[-1])
    for split in labels:
        digest.update(splits[split].images.data)
    return digest.hexdigest()


def labels_digest(classes: Iterable[str], labels: Mapping[str, Labels], size: int) -> "hashlib._Hash":
    """Hash everything but the pixels, which follow in the order of the splits."""
    shapes = {split: [len(labels[split]), CHANNELS, size, size] for split in in_order(labels)}
    digest = hashlib.sha256(json.dumps({"classes": list(classes), "shapes": shapes}, sort_keys=True).encode())
    for split in in_order(labels):
        digest.update(little_endian(labels[split]))
    return digest


def in_order(splits: Iterable[str]) -> list[str]:
    """Return the names of splits in the order of SPLIT_ORDER."""
    return sorted(splits, key=SPLIT_ORDER.index)


def little_endian(labels: Labels) -> bytes:
    """Return the labels as they are stored and hashed on every machine."""
    return labels.astype("<i8").tobytes()


def image_digests(images: Pixels) -> list[bytes]:
    """Return a digest of each of the images (N, ...), equal where the pixels are."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
