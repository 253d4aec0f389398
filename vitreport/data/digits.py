"""The digits that come with scikit-learn: 1,797 grey images of 8 x 8 pixels, 17 shades."""

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from vitreport.data.cache import Chunk, Decoding, Original, Places
from vitreport.data.split import validation_split
from vitreport.data.splits import Split, fingerprint

CLASSES = tuple(map(str, range(10)))
TEST_COUNT = 360
CANONICAL_FINGERPRINT = "68597d261ede3e5b1aee38858edb3eccdedb255120346b039a04bc27c1038d3f"
_BRIGHTEST = 16
_SPLIT_SEED = 0


def find(_: Places) -> Original:
    """The images in the installed scikit-learn: no file to look for, nothing to download."""
    return Original("scikit-learn", f"scikit-learn {version('scikit-learn')}", _decode)


def _decode() -> Decoding:
    splits = _splits()
    return Decoding(
        classes=CLASSES,
        labels={name: split.labels for name, split in splits.items()},
        chunks=_chunks(splits),
        canonical=fingerprint(CLASSES, splits) == CANONICAL_FINGERPRINT,
    )


def _splits() -> dict[str, Split]:
    """A stratified fifth is the test split, the same for every run: scikit-learn itself defines none."""
    from sklearn.datasets import load_digits

    shades, targets = load_digits(return_X_y=True)
    grey = np.rint(shades * 255 / _BRIGHTEST).astype(np.uint8).reshape(-1, 1, 8, 8)
    images, labels = grey.repeat(3, axis=1), targets.astype(np.int64)
    train, test = validation_split(labels, TEST_COUNT / len(labels), _SPLIT_SEED)
    return {"train": Split(images[train], labels[train]), "test": Split(images[test], labels[test])}


def _chunks(splits: dict[str, Split]) -> Iterator[Chunk]:
    for name, split in splits.items():
        yield Chunk(name, split.images)
