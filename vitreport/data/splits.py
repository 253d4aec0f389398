"""The splits of a data set, and the hash by which a decoded data set is known."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vitreport.data.pixels import Pixels
from vitreport.spec.data import CHANNELS

Labels = npt.NDArray[np.int64]

SPLITS = ("train", "test")
SPLIT_ORDER = ("train", "val", "test")
"""All splits that a data set can have, in the order in which they are decoded and hashed."""


@dataclass(frozen=True)
class Split:
    """Images uint8 (N, 3, S, S), mapped copy-on-write, and their labels int64 (N,)."""

    images: Pixels
    labels: Labels


def fingerprint(classes: Iterable[str], splits: Mapping[str, Split]) -> str:
    """The SHA-256, as hexadecimal digits, of class names, shapes, labels and pixels."""
    labels = {split: splits[split].labels for split in in_order(splits)}
    digest = labels_digest(classes, labels, splits["train"].images.shape[-1])
    for split in labels:
        digest.update(splits[split].images.data)
    return digest.hexdigest()


def labels_digest(classes: Iterable[str], labels: Mapping[str, Labels], size: int) -> "hashlib._Hash":
    """Over everything but the pixels, which follow in the order of the splits."""
    shapes = {split: [len(labels[split]), CHANNELS, size, size] for split in in_order(labels)}
    digest = hashlib.sha256(json.dumps({"classes": list(classes), "shapes": shapes}, sort_keys=True).encode())
    for split in in_order(labels):
        digest.update(little_endian(labels[split]))
    return digest


def in_order(splits: Iterable[str]) -> list[str]:
    """The names of the splits that are there, in the order of SPLIT_ORDER."""
    found = set(splits)
    return [split for split in SPLIT_ORDER if split in found]


def little_endian(labels: Labels) -> bytes:
    """The labels as they are stored and hashed on every machine."""
    return labels.astype("<i8").tobytes()
