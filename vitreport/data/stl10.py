"""STL-10: 13,000 photographs of 96 x 96 pixels in ten classes, from its archive, its binary files or folders.

    stl10_binary/{train,test}_X.bin   uint8: for each image a red, a green and a blue plane, each column by column
                 {train,test}_y.bin   uint8: for each image its class, from 1 to 10

The archive also holds 100,000 images without labels, which are not read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from vitreport.data import folder
from vitreport.data.archive import tar_members
from vitreport.data.cache import Chunk, Decoding, Original, Places
from vitreport.data.download import Published, find_published, verified_files
from vitreport.data.pixels import Pixels
from vitreport.data.splits import SPLITS, Labels
from vitreport.errors import DatasetError
from vitreport.spec.data import CHANNELS

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
SIZE = 96
PUBLISHED = Published(
    dataset="stl10",
    archive="stl10_binary.tar.gz",
    md5="91f7769df0f17e558f3565bffb0c7dfb",
    size=2_640_397_119,
    unpacked="stl10_binary",
)
MIRRORS = ("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",)
FILE_MD5 = {
    "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
    "train_y.bin": "5a34089d4802c674881badbb80307741",
    "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
    "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
}
IMAGE_BYTES = CHANNELS * SIZE**2
MAX_IMAGES = 8000
CHUNK_IMAGES = 1000


def find(places: Places) -> Original:
    """The archive, its binary files or folders of images; else a download.

    Raises DatasetError where what is found is damaged or not STL-10.
    """
    return find_published(
        PUBLISHED,
        MIRRORS,
        places,
        decode=_decode_archive,
        unpacked=lambda home: verified_files(home, FILE_MD5, places, lambda: _decode_folder(home)),
        by_class=lambda home: folder.find_by_class(home, SIZE, places.notify, CLASSES),
    )


def _decode_archive(path: Path) -> Decoding:
    contents = tar_members(path, PUBLISHED.unpacked, dict.fromkeys(FILE_MD5, MAX_IMAGES * IMAGE_BYTES))
    return _decode({name: np.frombuffer(content, np.uint8) for name, content in contents.items()})


def _decode_folder(home: Path) -> Decoding:
    return _decode({name: np.memmap(home / name, np.uint8, "r") for name in FILE_MD5})


def _decode(files: Mapping[str, Pixels]) -> Decoding:
    """The bytes (n,) of each file as labels and images."""
    labels = {split: _labels(split, files) for split in SPLITS}
    return Decoding(CLASSES, labels, _chunks(files), canonical=True)


def _labels(split: str, files: Mapping[str, Pixels]) -> Labels:
    stored, pixels = files[f"{split}_y.bin"], files[f"{split}_X.bin"]
    if len(pixels) != len(stored) * IMAGE_BYTES:
        raise DatasetError(f"{split}_X.bin has {len(pixels)} bytes, {len(stored)} images take {IMAGE_BYTES} each")
    if not np.isin(stored, range(1, len(CLASSES) + 1)).all():
        raise DatasetError(f"{split}_y.bin has labels outside 1 to {len(CLASSES)}")
    return stored.astype(np.int64) - 1


def _chunks(files: Mapping[str, Pixels]) -> Iterator[Chunk]:
    for split in SPLITS:
        images = files[f"{split}_X.bin"].reshape(-1, CHANNELS, SIZE, SIZE).swapaxes(2, 3)  # columns first to rows first
        for start in range(0, len(images), CHUNK_IMAGES):
            yield Chunk(split, images[start : start + CHUNK_IMAGES])
