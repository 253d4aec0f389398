"""A dataset of noise, and its entry in the cache."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vitreport.data.arrays import Decoding, ImageArrays, ImageSource, Pixels, Split, load_arrays
from vitreport.data.registry import ImageRequest


class Source:
    """A dataset of noise that counts how often it is decoded."""

    def __init__(self, identity: str = "one", *, seed: int = 0) -> None:
        self.decoded = 0
        rng = np.random.default_rng(seed)
        self.splits = {
            name: Split(rng.integers(0, 256, (count, 3, 8, 8), np.uint8), np.arange(count) % 2)
            for name, count in (("train", 10), ("test", 5))
        }
        self.original = ImageSource("noise", identity, self._decode)

    def _decode(self) -> Decoding:
        self.decoded += 1
        labels = {name: split.labels for name, split in self.splits.items()}
        return Decoding(("a", "b"), labels, self._images(), canonical=False)

    def _images(self) -> Iterator[tuple[Pixels, bool]]:
        """Every third image had another size."""
        images = (image for split in self.splits.values() for image in split.images)
        yield from ((image, number % 3 == 0) for number, image in enumerate(images))


def opened(source: Source, image_request: ImageRequest) -> ImageArrays:
    return load_arrays(image_request, source.original)


def folder(image_request: ImageRequest) -> Path:
    (only,) = (image_request.cache_dir / "arrays").glob("noise-*")
    return only
