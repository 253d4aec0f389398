"""CIFAR-10: 60,000 photographs of 32 x 32 pixels in ten classes, from its archive or from image folders.

The archive holds pickles, which can run code when they are read. They are read only if their md5 is right, and even
then nothing but the pieces of numpy arrays is allowed in them.
"""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from vitreport.data.arrays import ImageSource, Split
from vitreport.data.fetch import find_files
from vitreport.data.registry import ImageRequest

ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")


def find(request: ImageRequest) -> ImageSource:
    """Find the archive, its unpacked batches or image folders; else a download."""
    return find_files(request, _decode)


def _decode(contents: Mapping[str, bytes]) -> dict[str, Split]:
    """Decode the six batches: five of training images, one of test images."""
    *train, test = (_batch(contents[name]) for name in sorted(contents))
    images, labels = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return {"train": Split(images, labels), "test": test}


def _batch(content: bytes) -> Split:
    """Read images (n, 3, 32, 32) and labels (n,) of one batch, which stores a row of values for each image."""
    stored = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    return Split(stored[b"data"].reshape(-1, 3, 32, 32), np.array(stored[b"labels"], np.int64))


class _ArraysOnly(pickle.Unpickler):
    """Reads numbers, text, containers and numpy arrays; anything else could be code."""

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which could run code")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
