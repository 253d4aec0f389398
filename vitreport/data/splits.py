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
Mask = npt.NDArray[np.bool_]
TrainVal = tuple[Indices, Indices]
TEST_FRACTION = 0.2


def validation_split(labels: Labels, fraction: float, seed: int, classes: Sequence[str] = ()) -> TrainVal:
    """Return sorted indices (N - V,) to train on and (V,) to validate on, where V is fraction * N, rounded.

    Every class gives its share of V to within one image. Which images, is drawn from (seed, "split"). Raises
    DatasetError if the fraction, if not 0, holds nothing out, or holds out all images of a class.
    """
    total = round(fraction * len(labels))
    if fraction > 0 and total == 0:
        fault = f"data.validation_fraction = {fraction} of {len(labels)} training images is less than one image"
        raise DatasetError(fault, "use a larger fraction, or add images")
    counts = np.bincount(labels)
    shares = _shares(counts, total)
    fault = f"data.validation_fraction = {fraction} would hold out every training image"
    _refuse((shares == counts) & (counts > 0), classes, fault, "use a smaller fraction, or add images")
    held_out = _drawn(labels, shares, stream_seed(seed, "split"))
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def limited(labels: Labels, limit: int, seed: int, classes: Sequence[str] = ()) -> Indices:
    """Return sorted indices of `limit` images, the same share of each class to within one; all if there are no more.

    Which images, is drawn from (seed, "limit"). Raises DatasetError if a class would be left without an image.
    """
    counts = np.bincount(labels)
    shares = _shares(counts, min(limit, len(labels)))
    fault = f"data.limit = {limit} leaves no training image"
    _refuse((shares == 0) & (counts > 0), classes, fault, "use a larger data.limit")
    return np.flatnonzero(_drawn(labels, shares, stream_seed(seed, "limit")))


def made_test_split(labels: Labels, classes: Sequence[str]) -> Indices:
    """Return sorted indices of the images to test on, of images without a split.

    A fifth of each class, rounded, and at least one image is for testing. The seed of a run has no part in it, so that
    all runs on a folder are tested on the same images. Raises DatasetError if a class has a single image.
    """
    counts = np.bincount(labels, minlength=len(classes))
    _refuse(counts < 2, classes, "there is only one image", "add images: a class needs one to train and one to test")
    shares = np.maximum(np.rint(counts * TEST_FRACTION).astype(np.int64), 1)
    return np.flatnonzero(_drawn(labels, shares, stream_seed(0, "test split")))


def split_hash(*indices: Indices) -> str:
    """Return 16 hexadecimal digits of the SHA-256 over the lengths and values of the index arrays, in order."""
    digest = hashlib.sha256()
    for part in indices:
        digest.update(len(part).to_bytes(8, "little") + part.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def _refuse(at_fault: Mask, classes: Sequence[str], fault: str, hint: str) -> None:
    """Raise DatasetError with the names of the classes at fault, if there are any."""
    names = [repr(classes[int(label)]) if classes else str(label) for label in np.flatnonzero(at_fault)]
    if names:
        noun = "class" if len(names) == 1 else f"{len(names)} classes:"
        raise DatasetError(f"{fault} of {noun} {listed(names)}", hint)


def _shares(counts: Indices, total: int) -> Indices:
    """Divide `total` in proportion to `counts` (C,) by the largest remainder; ties go to the lower class."""
    floors, remainders = np.divmod(counts * total, counts.sum())
    floors[np.argsort(-remainders, kind="stable")[: total - floors.sum()]] += 1
    return floors


def _drawn(labels: Labels, shares: Indices, seed: int) -> Mask:
    """Draw a mask (N,) with `shares[c]` images of each class c: those with the smallest of random keys."""
    keys = np.random.Generator(np.random.Philox(seed)).random(len(labels))
    order = np.lexsort((keys, labels))
    ranks = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    chosen = np.zeros(len(labels), np.bool_)
    chosen[order] = ranks < shares[labels[order]]
    return chosen
