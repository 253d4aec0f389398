"""The digits that come with scikit-learn: 1,797 grey images of 8 x 8 pixels, 17 shades."""

from typing import TYPE_CHECKING

from vitreport.data.registry import Dataset
from vitreport.data.request import ImageRequest

if TYPE_CHECKING:
    from vitreport.data.arrays import Decoding, ImageSource, Split

CLASSES = tuple(map(str, range(10)))
TEST_COUNT = 360
CANONICAL_FINGERPRINT = "68597d261ede3e5b1aee38858edb3eccdedb255120346b039a04bc27c1038d3f"
BRIGHTEST = 16
SPLIT_SEED = 0


def find(_: ImageRequest) -> "ImageSource":
    """Find the images in the installed scikit-learn: there is no file to look for and nothing to download."""
    from importlib.metadata import version

    from vitreport.data.arrays import ImageSource

    return ImageSource("scikit-learn", f"scikit-learn {version('scikit-learn')}", _decode)


DATASET = Dataset(
    name="digits",
    title="Digits",
    citation="alpaydin1998digits",
    summary="handwritten digits, grey, 8 x 8, bundled with scikit-learn",
    num_classes=10,
    image_size=32,
    stored_size=8,
    train_count=1437,
    test_count=TEST_COUNT,
    find=find,
)


def load_splits() -> "dict[str, Split]":
    """Return the training and the test images.

    scikit-learn defines no test split: a stratified fifth is taken, the same for every run.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    from vitreport.data.arrays import Split
    from vitreport.data.holdout import validation_split

    shades, targets = load_digits(return_X_y=True)
    grey = np.rint(shades * 255 / BRIGHTEST).astype(np.uint8).reshape(-1, 1, 8, 8)
    images, labels = grey.repeat(3, axis=1), targets.astype(np.int64)
    train, test = validation_split(labels, TEST_COUNT / len(labels), SPLIT_SEED)
    return {"train": Split(images[train], labels[train]), "test": Split(images[test], labels[test])}


def _decode() -> "Decoding":
    from vitreport.data.arrays import Chunk, Decoding, fingerprint

    splits = load_splits()
    return Decoding(
        classes=CLASSES,
        labels={name: split.labels for name, split in splits.items()},
        chunks=[Chunk(name, split.images) for name, split in splits.items()],
        canonical=fingerprint(CLASSES, splits) == CANONICAL_FINGERPRINT,
    )
