"""STL-10: 13,000 photographs of 96 x 96 pixels in ten classes, from its archive, its binary files or folders.

    stl10_binary/{train,test}_X.bin   uint8: for each image a red, a green and a blue plane, each column by column
                 {train,test}_y.bin   uint8: for each image its class, from 1 to 10

The archive also holds 100,000 images without labels, which are not read.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vitreport.data.registry import Archive, Dataset
from vitreport.data.request import ImageRequest
from vitreport.errors import DatasetError

if TYPE_CHECKING:
    from vitreport.data.arrays import Decoding, ImageSource, Pixels

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
SIZE = 96
IMAGE_BYTES = 3 * SIZE**2
TEST_COUNT = 8000  # more than training images
CHUNK_IMAGES = 1000


def find(request: ImageRequest) -> "ImageSource":
    """Find the archive, its binary files or folders of images; else a download.

    Raises:
        DatasetError: What is found is damaged or not STL-10.
    """
    from vitreport.data.fetch import find_files

    return find_files(DATASET, request, classes=CLASSES, most=TEST_COUNT * IMAGE_BYTES, decode=_decode)


DATASET = Dataset(
    name="stl10",
    title="STL-10",
    citation="coates2011stl",
    summary="photographs of animals and vehicles, 96 x 96",
    num_classes=len(CLASSES),
    image_size=SIZE,
    stored_size=SIZE,
    train_count=5000,
    test_count=TEST_COUNT,
    find=find,
    archive=Archive(
        file="stl10_binary.tar.gz",
        md5="91f7769df0f17e558f3565bffb0c7dfb",
        size=2_640_397_119,
        folder="stl10_binary",
        mirrors=("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
        files={
            "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
            "train_y.bin": "5a34089d4802c674881badbb80307741",
            "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
            "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
        },
    ),
)


def _decode(contents: Mapping[str, bytes]) -> "Decoding":
    """Labels and images from the bytes of the files."""
    import numpy as np

    from vitreport.data.arrays import Chunk, Decoding

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
