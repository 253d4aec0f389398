"""A data set of noise, and its entry in the cache."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vitreport.data.cache import Chunk, Decoding, ImageArrays, Original, Places, cached
from vitreport.data.pixels import Seen
from vitreport.data.splits import Split


class Source:
    """A data set of noise that counts how often it is decoded."""

    def __init__(self, identity: str = "one", *, chunk: int = 4, seed: int = 0) -> None:
        self.decoded = 0
        self.chunk = chunk
        rng = np.random.default_rng(seed)
        self.splits = {
            name: Split(rng.integers(0, 256, (count, 3, 6, 6), np.uint8), np.arange(count) % 2)
            for name, count in (("train", 10), ("test", 5))
        }
        self.original = Original("noise", identity, self._decode)

    def _decode(self) -> Decoding:
        self.decoded += 1
        labels = {name: split.labels for name, split in self.splits.items()}
        return Decoding(("a", "b"), labels, self._chunks(), canonical=False)

    def _chunks(self) -> Iterator[Chunk]:
        for name, split in self.splits.items():
            for start in range(0, len(split.images), self.chunk):
                yield Chunk(name, split.images[start : start + self.chunk], Seen(resized=1))


def opened(source: Source, places: Places) -> ImageArrays:
    return cached("noise", 6, source.original, places)


def folder(places: Places) -> Path:
    (only,) = (places.cache_dir / "arrays").glob("noise-*")
    return only
