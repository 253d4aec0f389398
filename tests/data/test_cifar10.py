import hashlib
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.errors import DatasetError, ResourceError

from .makers import batch, md5, open_named, republish, write_archive, write_batches, write_folder
from .server import Mirror


def opened(image_request: ImageRequest) -> ImageArrays:
    return open_named("cifar10", image_request)


@pytest.fixture
def archive(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = image_request.data_dir / "cifar-10-python.tar.gz"
    published(monkeypatch, path, write_archive(path))
    return path


def published(monkeypatch: pytest.MonkeyPatch, path: Path, md5: str) -> None:
    republish("cifar10", monkeypatch, md5=md5, size=path.stat().st_size)


def check_images(arrays: ImageArrays) -> None:
    """The batches of `makers.batch`: 1 to 5 are training images, in this order."""
    rows = [pickle.loads(batch(number), encoding="bytes")[b"data"] for number in range(6)]
    train, test = arrays.splits["train"], arrays.splits["test"]
    assert np.array_equal(train.images.reshape(20, -1), np.concatenate(rows[:5]))
    assert np.array_equal(test.images.reshape(4, -1), rows[5])
    assert train.images[0, :, 0, 1].tolist() == [rows[0][0, 1], rows[0][0, 1025], rows[0][0, 2049]]
    assert train.labels.tolist() == [(number + index) % 10 for number in range(5) for index in range(4)]
    assert test.labels.tolist() == [5, 6, 7, 8]
    assert arrays.classes == DATASETS["cifar10"].classes


@pytest.mark.usefixtures("archive")
def test_the_archive(image_request: ImageRequest) -> None:
    arrays = opened(image_request)
    check_images(arrays)
    assert (arrays.source, arrays.canonical) == ("archive cifar-10-python.tar.gz (md5 verified)", True)


def test_the_archive_in_a_folder_of_its_own(image_request: ImageRequest, archive: Path) -> None:
    (image_request.data_dir / "cifar10").mkdir()
    archive.rename(image_request.data_dir / "cifar10" / archive.name)
    check_images(opened(image_request))


@pytest.mark.parametrize("home", [".", "cifar10"])
def test_unpacked_batches(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    republish("cifar10", monkeypatch, files=write_batches(image_request.data_dir / home / "cifar-10-batches-py"))
    arrays = opened(image_request)
    check_images(arrays)
    assert (arrays.source, arrays.canonical) == ("folder cifar-10-batches-py (md5 verified)", True)


def test_archive_and_batches_have_one_fingerprint(
    image_request: ImageRequest, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(image_request)
    archive.unlink()
    republish("cifar10", monkeypatch, files=write_batches(image_request.data_dir / "cifar-10-batches-py"))
    second = opened(replace(image_request, cache_dir=image_request.cache_dir / "second"))
    assert first.source != second.source
    assert first.fingerprint == second.fingerprint


def test_a_decoded_copy_serves_without_the_archive(image_request: ImageRequest, archive: Path) -> None:
    opened(image_request)
    archive.unlink()
    check_images(opened(image_request))


def test_batches_with_a_damaged_or_missing_one(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    home = image_request.data_dir / "cifar-10-batches-py"
    republish("cifar10", monkeypatch, files=write_batches(home))
    (home / "data_batch_3").write_bytes(b"other")
    with pytest.raises(DatasetError, match=rf"data_batch_3 differs from the published file: md5 is {md5(b'other')}"):
        opened(image_request)
    (home / "data_batch_3").unlink()
    with pytest.raises(DatasetError, match="data_batch_3 is missing"):
        opened(image_request)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\x1f\x8b", r"md5 is .* \(2 bytes\)"), (b"x" * 99999, "md5 is")],
)
def test_a_damaged_archive_of_the_users_stays(
    image_request: ImageRequest, archive: Path, content: bytes, words: str
) -> None:
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match=words) as error:
        opened(image_request)
    for part in (str(archive), md5(content), "expected "):
        assert part in error.value.message
    assert "remove it" in error.value.hint
    assert archive.read_bytes() == content


def test_folders_of_images(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "cifar10", classes=DATASETS["cifar10"].classes, count=1, size=32)
    arrays = opened(image_request)
    assert arrays.classes == DATASETS["cifar10"].classes
    assert (arrays.source, arrays.canonical) == ("image folder", False)
    assert arrays.splits["train"].images.shape == (10, 3, 32, 32)


def test_folders_of_other_classes(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "cifar10", classes=("airplane", "zebra"), count=1)
    with pytest.raises(
        DatasetError, match=r"cifar10 has 2 classes, cifar10 has 10 \(these differ: automobile, bird, cat"
    ):
        opened(image_request)


def test_nothing_there_and_no_network(image_request: ImageRequest) -> None:
    with pytest.raises(ResourceError, match="refused") as error:
        opened(image_request)
    for way in (
        "cifar-10-python.tar.gz",
        str(image_request.data_dir),
        "cifar10/{train,test}/CLASS/*.png",
        "the dataset digits",
    ):
        assert way in error.value.hint


def test_a_download_is_decoded(
    image_request: ImageRequest, archive: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.content = archive.read_bytes()
    archive.unlink()
    republish("cifar10", monkeypatch, mirrors=(mirror.url("good"),))
    check_images(opened(image_request))
    assert archive.exists()


def test_an_md5_is_computed_where_the_archive_is_decoded(
    image_request: ImageRequest, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing = Mock(wraps=hashlib.file_digest)
    monkeypatch.setattr(hashlib, "file_digest", hashing)
    for _ in range(3):
        opened(image_request)
    assert hashing.call_count == 1
    archive.write_bytes(b"other")
    check_images(opened(image_request))


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, (f"open({str(self.path)!r}, 'w')",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_batch_is_not_run(
    image_request: ImageRequest, archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, protocol: int
) -> None:
    trace = tmp_path / "was-run"
    payload = pickle.dumps({b"data": Payload(trace), b"labels": [0]}, protocol)
    published(monkeypatch, archive, write_archive(archive, change=lambda all_: all_.update(test_batch=payload)))
    with pytest.raises(pickle.UnpicklingError, match=r"asks for (\w+\.exec|_codecs\.encode), which could run code"):
        opened(image_request)
    assert not trace.exists()


def test_notices_go_to_the_caller(image_request: ImageRequest) -> None:
    lines: list[str] = []
    with pytest.raises(ResourceError):
        opened(replace(image_request, note=lines.append))
    assert [line.partition(";")[0] for line in lines] == [
        "downloading cifar-10-python.tar.gz (170MB) from 127.0.0.1:9 for CIFAR-10"
    ]
