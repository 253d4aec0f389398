"""Decoded images: their arrays, what is known of them, and how a dataset is decoded into them."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Channels = tuple[float, float, float]
Range = tuple[float, float]

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
    images that are also training images, pixel by pixel; `repeated` training images repeat another one. `resized`
    images had another size, their shorter sides from `sides[0]` to `sides[1]`; `turned` images were turned upright;
    `several` files have several pictures. `grey16` is the range of grey training images of more than 8 bits, and
    `intensity_range` the part of it that became black to white (None: 0 to 65535).
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
    sides: tuple[int, int] | None = None
    turned: int = 0
    several: int = 0
    grey16: Range | None = None
    intensity_range: Range | None = None


@dataclass(frozen=True, kw_only=True)
class ImageArrays(ImageFacts):
    """A decoded dataset; `splits` has "val" only if the dataset has validation images of its own."""

    splits: dict[str, Split]

    @property
    def size(self) -> int:
        """The side of the decoded images."""
        return int(self.splits["train"].images.shape[-1])


class Seen(NamedTuple):
    """What was seen of an image file: its shorter side if it was resized, and what `ImageFacts` counts."""

    side: int | None = None
    turned: bool = False
    several: bool = False
    grey16: Range | None = None


class Chunk(NamedTuple):
    """The next images of a split, uint8 (n, 3, S, S), and what was seen of their files."""

    split: str
    images: Pixels
    seen: Sequence[Seen] = ()


class Decoding(NamedTuple):
    """A dataset while it is decoded: all labels, then the images, in the order of SPLIT_ORDER."""

    classes: tuple[str, ...]
    labels: Mapping[str, Labels]
    chunks: Iterable[Chunk]
    canonical: bool
    intensity_range: Range | None = None


class ImageSource(NamedTuple):
    """A dataset as it was found; `decode` reads the images, and downloads them first if they are `remote`.

    Another `identity` is another dataset.
    """

    source: str
    identity: str
    decode: Callable[[], Decoding]
    remote: bool = False


def joined_range(ranges: Iterable[Range | None]) -> Range | None:
    """Return the range from the lowest to the highest of some ranges; None if there is none."""
    known = [limits for limits in ranges if limits]
    return (min(known)[0], max(high for _, high in known)) if known else None


def fingerprint(classes: Iterable[str], splits: Mapping[str, Split]) -> str:
    """Return the SHA-256, as hexadecimal digits, of class names, shapes, labels and pixels."""
    shapes = {name: split.images.shape for name, split in splits.items()}
    digest = hashlib.sha256(json.dumps({"classes": list(classes), "shapes": shapes}, sort_keys=True).encode())
    parts = [splits[name] for name in SPLIT_ORDER if name in splits]
    for split in parts:
        digest.update(split.labels.astype("<i8").tobytes())
    for split in parts:
        digest.update(np.ascontiguousarray(split.images).data)
    return digest.hexdigest()


def image_facts(source: str, decoding: Decoding, splits: Mapping[str, Split], seen: Sequence[Seen]) -> ImageFacts:
    """Return the facts of the arrays that were decoded, and of the files that were seen."""
    mean, std = _mean_and_std(splits["train"].images)
    digests = {
        name: [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in split.images]
        for name, split in splits.items()
    }
    distinct = {name: set(of_split) for name, of_split in digests.items()}
    sides = [file.side for file in seen if file.side]
    return ImageFacts(
        classes=decoding.classes,
        fingerprint=fingerprint(decoding.classes, splits),
        canonical=decoding.canonical,
        source=source,
        mean=mean,
        std=std,
        sizes={name: len(split.labels) for name, split in splits.items()},
        overlaps={
            f"{former}/{latter}": sum(digest in distinct[former] for digest in digests[latter])
            for former, latter in (("train", "test"), ("train", "val"), ("val", "test"))
            if former in splits and latter in splits
        },
        repeated=len(digests["train"]) - len(distinct["train"]),
        resized=len(sides),
        sides=(min(sides), max(sides)) if sides else None,
        turned=sum(file.turned for file in seen),
        several=sum(file.several for file in seen),
        grey16=joined_range(file.grey16 for file in seen),
        intensity_range=decoding.intensity_range,
    )


def _mean_and_std(images: Pixels) -> tuple[Channels, Channels]:
    """Return the mean and the standard deviation of each channel, exact, however many pixels there are.

    The deviation is at least one step of 256, so that a channel of one value alone can be divided by it.
    """
    histogram = np.zeros((3, 256), np.int64)
    for block in np.array_split(images, max(1, len(images) // 1000)):
        histogram += [np.bincount(channel.ravel(), minlength=256) for channel in block.swapaxes(0, 1)]
    values = np.arange(256) / 255
    weights = histogram / histogram.sum(axis=1, keepdims=True)
    mean = weights @ values
    std = np.maximum(np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1)), 1 / 255)
    return (float(mean[0]), float(mean[1]), float(mean[2])), (float(std[0]), float(std[1]), float(std[2]))
