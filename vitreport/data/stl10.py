"""STL-10: 13,000 photographs of 96 x 96 pixels in ten classes, from its archive, its binary files or folders.

    stl10_binary/{train,test}_X.bin   uint8: for each image a red, a green and a blue plane, each column by column
                 {train,test}_y.bin   uint8: for each image its class, from 1 to 10

The archive also holds 100,000 images without labels, which are not read.
"""

from collections.abc import Mapping

import numpy as np

from vitreport.data.arrays import Chunk, Decoding, ImageSource, Pixels
from vitreport.data.fetch import find_files
from vitreport.data.registry import ImageRequest
from vitreport.errors import DatasetError

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
SIZE = 96
IMAGE_BYTES = 3 * SIZE**2
MOST_IMAGES = 8000  # in one file, that of the test images
CHUNK_IMAGES = 1000


def find(request: ImageRequest) -> ImageSource:
    """Find the archive, its binary files or folders of images; else a download.

    Raises:
        DatasetError: What is found is damaged or not STL-10.
    """
    return find_files(request, classes=CLASSES, most=MOST_IMAGES * IMAGE_BYTES, decode=_decode)


def _decode(contents: Mapping[str, bytes]) -> Decoding:
    """Labels and images from the bytes of the files."""
    images: dict[str, Pixels] = {}
    labels = {}
    for split in ("train", "test"):
        pixels, stored = (np.frombuffer(contents[f"{split}_{kind}.bin"], np.uint8) for kind in "Xy")
        if len(pixels) != len(stored) * IMAGE_BYTES:
            raise DatasetError(f"{split}_X.bin has {len(pixels)} bytes, {len(stored)} images take {IMAGE_BYTES} each")
        if not np.isin(stored, range(1, len(CLASSES) + 1)).all():
            raise DatasetError(f"{split}_y.bin has labels outside 1 to {len(CLASSES)}")
        images[split] = pixels.reshape(-1, 3, SIZE, SIZE).swapaxes(2, 3)  # columns first to rows first
        labels[split] = stored.astype(np.int64) - 1
    chunks = (
        Chunk(split, of_split[start : start + CHUNK_IMAGES])
        for split, of_split in images.items()
        for start in range(0, len(of_split), CHUNK_IMAGES)
    )
    return Decoding(CLASSES, labels, chunks, canonical=True)
