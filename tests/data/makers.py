"""Small datasets in their real layouts, made by the tests."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.data.sources import count_images, describe, open_dataset
from vitreport.spec.data import DatasetFacts

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
Pixels = npt.NDArray[np.uint8]


def noise(seed: int, size: int = 8) -> Pixels:
    """An image (size, size, 3) of random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def write_folder(root: Path, *, classes: tuple[str, ...] = ("cat", "dog"), count: int = 3, size: int = 8) -> Path:
    """`count` PNG files a class and split, every one different; image n of all has the pixels noise(n, size)."""
    number = 0
    for split in ("train", "test"):
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(noise(number, size)).save(folder / f"{index:04}.png")
                number += 1
    return root


def write_batches(home: Path, *, count: int = 4) -> dict[str, str]:
    """`cifar-10-batches-py` with batches of `count` images, pickled as Python 2 did; the md5 of each."""
    home.mkdir(parents=True)
    for number, name in enumerate(BATCHES):
        (home / name).write_bytes(batch(number, count))
    return {name: md5((home / name).read_bytes()) for name in BATCHES}


def batch(number: int, count: int = 4) -> bytes:
    rows = np.random.default_rng(number).integers(0, 256, (count, 3072), np.uint8)
    labels = [(number + index) % 10 for index in range(count)]
    return python2_pickle({b"batch_label": b"batch", b"labels": labels, b"data": rows, b"filenames": [b"a"] * count})


def write_archive(path: Path, *, count: int = 4, change: Callable[[dict[str, bytes]], None] = lambda _: None) -> str:
    """The archive of CIFAR-10 with its six batches; `change` may exchange their bytes. Returns its md5."""
    batches = {name: batch(number, count) for number, name in enumerate(BATCHES)}
    change(batches)
    members = {f"cifar-10-batches-py/{name}": content for name, content in sorted(batches.items(), reverse=True)}
    return write_tar(path, {"cifar-10-batches-py/readme.html": b"<html>"} | members)


def write_tar(path: Path, members: Mapping[str, bytes]) -> str:
    """A gzipped tar archive of files; its md5."""
    return write_members(path, [(tar_file(name, len(content)), content) for name, content in members.items()])


def write_members(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> str:
    """A gzipped tar archive of members of any kind; its md5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        gzip.GzipFile(path, "wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for member, content in members:
            archive.addfile(member, io.BytesIO(content) if content else None)
    return md5(path.read_bytes())


def tar_file(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, kind, link
    return member


def write_zip(path: Path, root: Path) -> str:
    """A zip archive of the folder `root`; its md5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(root.parent))
    return md5(path.read_bytes())


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def python2_pickle(value: Any) -> bytes:
    """Protocol 2 with byte strings as Python 2 wrote them, and numpy's modules by their former names."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, 2)
    pickler.dispatch = _Pickler.dispatch | {bytes: _save_python2_string}
    pickler.dump(value)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def _save_python2_string(pickler: Any, value: bytes) -> None:
    pickler.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
    pickler.memoize(value)


_Pickler: Any = pickle._Pickler


def write_images(folder: Path, count: int = 3, *, seed: int = 0, size: int = 8, suffix: str = ".png") -> None:
    """`count` images of noise in one folder, image n with the pixels noise(seed + n, size)."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.fromarray(noise(seed + index, size)).save(folder / f"{index:04}{suffix}")


def open_folder(root: Path, image_request: ImageRequest, size: int = 8) -> ImageArrays:
    """Open an image folder as a user's own dataset."""
    return open_dataset(replace(image_request, name=root.name, data_dir=root.parent, image_size=size))


def open_named(name: str, image_request: ImageRequest) -> ImageArrays:
    """Open a published dataset."""
    return open_dataset(replace(image_request, name=name))


def republish(name: str, monkeypatch: pytest.MonkeyPatch, **archive: Any) -> None:
    """Change what a dataset is published as."""
    dataset = DATASETS[name]
    assert dataset.archive
    monkeypatch.setitem(DATASETS, name, replace(dataset, archive=replace(dataset.archive, **archive)))


def count_folder(root: Path) -> dict[str, int]:
    """Count the images of a user's own dataset by split."""
    return count_images(root.name, root.parent)


def facts(root: Path, size: int | None = None) -> DatasetFacts:
    """Describe a user's own dataset."""
    return describe(str(root), [root.parent], size)
