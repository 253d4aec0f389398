"""The digits that come with scikit-learn: 1,797 gray images of 8 x 8 pixels, 17 shades."""

from importlib.metadata import version

import numpy as np

from vitreport.data.arrays import Decoding, ImageSource, Split
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.data.splits import validation_split


def find(_: ImageRequest) -> ImageSource:
    """Find the images in the installed scikit-learn: there is no file to look for and nothing to download."""
    identity, classes = f"scikit-learn {version('scikit-learn')}", DATASETS["digits"].classes
    return ImageSource("scikit-learn", identity, lambda: Decoding.of(classes, load_splits(), canonical=True))


def load_splits() -> dict[str, Split]:
    """Return the training and the test images.

    scikit-learn defines no test split: a stratified fifth is taken, the same for every run.
    """
    from sklearn.datasets import load_digits

    shades, targets = load_digits(return_X_y=True)
    gray = np.rint(shades * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    images, labels = gray.repeat(3, axis=1), targets.astype(np.int64)
    train, test = validation_split(labels, DATASETS["digits"].test_count / len(labels), seed=0)
    return {"train": Split(images[train], labels[train]), "test": Split(images[test], labels[test])}
