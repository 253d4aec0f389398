import numpy as np
from sklearn.datasets import load_digits

from tests.records import DIGITS_FINGERPRINT
from vitreport.data.registry import ImageRequest

from .makers import open_named


def test_digits_are_scaled_split_and_canonical(image_request: ImageRequest) -> None:
    arrays = open_named("digits", image_request)
    assert {name: split.images.shape for name, split in arrays.splits.items()} == {
        "train": (1437, 3, 8, 8),
        "test": (360, 3, 8, 8),
    }
    assert arrays.canonical
    assert arrays.fingerprint == DIGITS_FINGERPRINT
    assert arrays.source == "scikit-learn"
    assert arrays.classes == tuple("0123456789")
    together = np.concatenate([split.images[:, 0] for split in arrays.splits.values()])
    assert together.sum() == np.rint(load_digits().images * 255 / 16).sum()
    assert set(np.unique(together)) <= {round(shade * 255 / 16) for shade in range(17)}


def test_both_splits_have_the_same_share_of_each_class(image_request: ImageRequest) -> None:
    arrays = open_named("digits", image_request)
    train, test = (np.bincount(arrays.splits[name].labels) for name in ("train", "test"))
    assert (np.abs(test - (train + test) * 360 / 1797) < 1).all()
