"""CIFAR-10: 60,000 photographs of 32 x 32 pixels in ten classes, from its archive or from image folders.

The archive holds pickles, which can run code when they are read. They are read only if their md5 is right, and even
then nothing but the pieces of numpy arrays is allowed in them.
"""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from vitreport.data.arrays import Split

ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")


def decode(contents: Mapping[str, bytes]) -> dict[str, Split]:
    """Read the five batches of training images and the one of test images, which store a row for each image."""
    batches = [_ArraysOnly(io.BytesIO(contents[name]), encoding="bytes").load() for name in sorted(contents)]
    *train, test = (
        Split(each[b"data"].reshape(-1, 3, 32, 32), np.array(each[b"labels"], np.int64)) for each in batches
    )
    images, labels = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return {"train": Split(images, labels), "test": test}


class _ArraysOnly(pickle.Unpickler):
    """Reads numbers, text, containers and numpy arrays; anything else could be code."""

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which could run code")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
