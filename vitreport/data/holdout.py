"""Which images are held out or kept: functions of the labels and the seed alone."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vitreport.data.arrays import Labels
from vitreport.errors import DatasetError
from vitreport.formatting import listed
from vitreport.randomness import stream_seed

Indices = npt.NDArray[np.int64]

TEST_FRACTION = 0.2
_TEST_SEED = 0


def validation_split(
    labels: Labels, fraction: float, seed: int, classes: Sequence[str] = ()
) -> tuple[Indices, Indices]:
    """Sorted indices (N - V,) to train on and (V,) to validate on, where V is fraction * N, rounded.

    Every class gives its share of V to within one image. Which images, is drawn from (seed, "split"). With a
    fraction of 0 nothing is held out. `classes` are the names of the labels. Raises DatasetError where the fraction
    holds nothing out, or would leave a class without a training image.
    """
    total = round(fraction * len(labels))
    if fraction > 0 and total == 0:
        raise DatasetError(
            f"data.validation_fraction = {fraction} of {len(labels)} training images is less than one image",
            "hold out more, or add images",
        )
    counts = np.bincount(labels)
    shares = _shares(counts, total)
    if len(emptied := np.flatnonzero((shares == counts) & (counts > 0))):
        raise DatasetError(
            f"data.validation_fraction = {fraction} would hold out every training image of {_named(emptied, classes)} "
            f"({counts[emptied[0]]} of {counts[emptied[0]]}{' in the first' if len(emptied) > 1 else ''})",
            f"hold out fewer, or add images to {'that class' if len(emptied) == 1 else 'those classes'}",
        )
    held_out = _drawn(labels, shares, stream_seed(seed, "split"))
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def limited(labels: Labels, limit: int, seed: int, classes: Sequence[str] = ()) -> Indices:
    """Sorted indices of `limit` images, the same share of each class to within one; all where there are no more.

    Which images, is drawn from (seed, "limit"). Raises DatasetError where a class would be left without an image.
    """
    counts = np.bincount(labels)
    shares = _shares(counts, min(limit, len(labels)))
    if len(emptied := np.flatnonzero((shares == 0) & (counts > 0))):
        fault = f"data.limit = {limit} leaves no training image of {_named(emptied, classes)}"
        raise DatasetError(fault, "keep more images")
    return np.flatnonzero(_drawn(labels, shares, stream_seed(seed, "limit")))


def made_split(labels: Labels, classes: Sequence[str]) -> tuple[Indices, Indices]:
    """Divide images without a split into sorted indices to train on and to test on.

    A fifth of each class, rounded, and at least one image is for testing. The seed of a run has no part in it, so that
    all runs on a folder are tested on the same images.

    Raises:
        DatasetError: A class has a single image.
    """
    counts = np.bincount(labels, minlength=len(classes))
    if len(small := np.flatnonzero(counts < 2)):
        fault = f"there is only one image of {_named(small, classes)}"
        raise DatasetError(f"{fault}: at least one is needed to train and one to test", "add images")
    shares = np.maximum(np.rint(counts * TEST_FRACTION).astype(np.int64), 1)
    test = _drawn(labels, shares, stream_seed(_TEST_SEED, "test split"))
    return np.flatnonzero(~test), np.flatnonzero(test)


def split_hash(*indices: Indices) -> str:
    """16 hexadecimal digits of the SHA-256 over the lengths and values of the index arrays, in order."""
    digest = hashlib.sha256()
    for part in indices:
        digest.update(len(part).to_bytes(8, "little") + part.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def _named(labels: Indices, classes: Sequence[str]) -> str:
    """Classes by their names, which those of a folder of images have from their folders."""
    names = [repr(classes[label]) if classes else str(label) for label in labels]
    return f"class {names[0]}" if len(names) == 1 else f"{len(names)} classes: {listed(names)}"


def _shares(counts: Indices, total: int) -> Indices:
    """`total` divided in proportion to `counts` (C,) by the largest remainder; ties go to the lower class."""
    floors, remainders = np.divmod(counts * total, counts.sum())
    floors[np.argsort(-remainders, kind="stable")[: total - floors.sum()]] += 1
    return floors


def _drawn(labels: Labels, shares: Indices, seed: int) -> npt.NDArray[np.bool_]:
    """A mask (N,) with `shares[c]` images of each class c: those with the smallest of random keys."""
    keys = np.random.Generator(np.random.Philox(seed)).random(len(labels))
    order = np.lexsort((keys, labels))
    ranks = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    chosen = np.zeros(len(labels), np.bool_)
    chosen[order] = ranks < shares[labels[order]]
    return chosen
