import errno
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitreport.data import cifar10, download
from vitreport.data.cache import ImageArrays, Places, cached
from vitreport.errors import DatasetError, ResourceError

from .makers import batch, md5, python2_pickle, write_archive, write_batches, write_folder
from .server import HTML


def opened(places: Places) -> ImageArrays:
    return cached("cifar10", cifar10.SIZE, cifar10.find(places), places)


@pytest.fixture
def archive(places: Places, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = places.data_dir / cifar10.PUBLISHED.archive
    published(monkeypatch, path, write_archive(path))
    return path


def published(monkeypatch: pytest.MonkeyPatch, path: Path, md5: str) -> None:
    monkeypatch.setattr(cifar10, "PUBLISHED", replace(cifar10.PUBLISHED, md5=md5, size=path.stat().st_size))


def check_images(arrays: ImageArrays) -> None:
    """The batches of `makers.batch`: 1 to 5 are training images, in this order."""
    rows = [pickle.loads(batch(number), encoding="bytes")[b"data"] for number in range(6)]
    train, test = arrays.splits["train"], arrays.splits["test"]
    assert np.array_equal(train.images.reshape(20, -1), np.concatenate(rows[:5]))
    assert np.array_equal(test.images.reshape(4, -1), rows[5])
    assert train.images[0, :, 0, 1].tolist() == [rows[0][0, 1], rows[0][0, 1025], rows[0][0, 2049]]
    assert train.labels.tolist() == [(number + index) % 10 for number in range(5) for index in range(4)]
    assert test.labels.tolist() == [5, 6, 7, 8]
    assert arrays.classes == cifar10.CLASSES


@pytest.mark.usefixtures("archive")
def test_the_archive(places: Places) -> None:
    arrays = opened(places)
    check_images(arrays)
    assert (arrays.source, arrays.canonical) == ("archive cifar-10-python.tar.gz (md5 verified)", True)


def test_the_archive_in_a_folder_of_its_own(places: Places, archive: Path) -> None:
    (places.data_dir / "cifar10").mkdir()
    archive.rename(places.data_dir / "cifar10" / archive.name)
    check_images(opened(places))


@pytest.mark.parametrize("home", [".", "cifar10"])
def test_unpacked_batches(places: Places, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setattr(cifar10, "BATCH_MD5", write_batches(places.data_dir / home / cifar10.PUBLISHED.unpacked))
    arrays = opened(places)
    check_images(arrays)
    assert (arrays.source, arrays.canonical) == ("folder cifar-10-batches-py (md5 verified)", True)


def test_archive_and_batches_have_one_fingerprint(
    places: Places, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(places)
    archive.unlink()
    monkeypatch.setattr(cifar10, "BATCH_MD5", write_batches(places.data_dir / cifar10.PUBLISHED.unpacked))
    second = opened(places)
    assert first.source != second.source
    assert first.fingerprint == second.fingerprint


def test_a_decoded_copy_serves_without_the_archive(places: Places, archive: Path) -> None:
    opened(places)
    archive.unlink()
    check_images(opened(places))


def test_batches_with_a_damaged_or_missing_one(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    home = places.data_dir / cifar10.PUBLISHED.unpacked
    monkeypatch.setattr(cifar10, "BATCH_MD5", write_batches(home))
    (home / "data_batch_3").write_bytes(b"other")
    with pytest.raises(DatasetError, match=rf"data_batch_3 is not as it was published: md5 is {md5(b'other')}"):
        opened(places)
    (home / "data_batch_3").unlink()
    with pytest.raises(DatasetError, match="data_batch_3 cannot be read: No such file"):
        opened(places)


def test_a_batch_that_cannot_be_read(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    home = places.data_dir / cifar10.PUBLISHED.unpacked
    monkeypatch.setattr(cifar10, "BATCH_MD5", write_batches(home))
    original = cifar10.find(places)
    monkeypatch.setattr(Path, "read_bytes", unread)
    with pytest.raises(DatasetError, match=f"^{home / 'data_batch_1'} cannot be read: Input/output error$"):
        original.decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [(HTML, "an HTML page instead of the file"), (b"\x1f\x8b", r"cut short, 2 of \d+ bytes"), (b"x" * 99999, "md5 is")],
)
def test_a_damaged_archive_of_the_users_stays(places: Places, archive: Path, content: bytes, words: str) -> None:
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match=words) as error:
        opened(places)
    for part in (str(archive), md5(content), cifar10.PUBLISHED.md5):
        assert part in error.value.message
    assert "remove it" in error.value.hint
    assert archive.read_bytes() == content


def test_folders_of_images(places: Places) -> None:
    write_folder(places.data_dir / "cifar10", classes=cifar10.CLASSES, count=1, size=32)
    arrays = opened(places)
    assert arrays.classes == cifar10.CLASSES
    assert (arrays.source, arrays.canonical) == ("folder of images", False)
    assert arrays.splits["train"].images.shape == (10, 3, 32, 32)


def test_folders_of_other_classes(places: Places) -> None:
    write_folder(places.data_dir / "cifar10", classes=("airplane", "zebra"), count=1)
    with pytest.raises(DatasetError, match="train has zebra; only the published data set has automobile, bird, cat"):
        opened(places)


def test_nothing_there_and_no_network(places: Places) -> None:
    with pytest.raises(ResourceError, match="refused") as error:
        opened(places)
    for way in (
        cifar10.PUBLISHED.archive,
        str(places.data_dir),
        "cifar10/{train,test}/CLASS/*.png",
        "--dataset digits",
    ):
        assert way in error.value.hint


def test_a_data_directory_that_is_a_data_set_itself_is_told(places: Places) -> None:
    write_folder(places.data_dir)
    with pytest.raises(ResourceError) as error:
        opened(places)
    assert f"--dataset {places.data_dir}" in error.value.hint


def test_a_download_is_decoded(places: Places, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bring(urls: object, target: Path, md5: str, size: int | None, **_: object) -> None:
        assert (urls, md5) == (cifar10.MIRRORS, cifar10.PUBLISHED.md5)
        (places.cache_dir.parent / "aside").rename(target)

    archive.rename(places.cache_dir.parent / "aside")
    monkeypatch.setattr(download, "download", bring)
    check_images(opened(places))


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, (f"open({str(self.path)!r}, 'w')",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_batch_is_not_run(
    places: Places, archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, protocol: int
) -> None:
    trace = tmp_path / "was-run"
    payload = pickle.dumps({b"data": Payload(trace), b"labels": [0]}, protocol)
    published(monkeypatch, archive, write_archive(archive, change=lambda all_: all_.update(test_batch=payload)))
    with pytest.raises(DatasetError, match=r"asks for (__builtin__|builtins)\.exec, which could run code"):
        opened(places)
    assert not trace.exists()


ROWS = np.zeros((2, 3072), np.uint8)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "data_batch_2 is not a batch of CIFAR-10"),
        (b"garbage", "is not a batch of CIFAR-10"),
        (python2_pickle({b"labels": [0, 1]}), "is not a batch of CIFAR-10"),
        (python2_pickle({b"data": ROWS, b"labels": [0, 10]}), "labels outside 0 to 9"),
        (python2_pickle({b"data": ROWS, b"labels": [0]}), r"array uint8 \(2, 3072\) for 1 labels"),
        (python2_pickle({b"data": ROWS.astype(float), b"labels": [0, 1]}), "array float64"),
        (python2_pickle({b"data": b"text", b"labels": [0, 1]}), r"array \|S4 \(\)"),
        (python2_pickle({b"data": ROWS, b"labels": [b"a", b"b"]}), "is not a batch of CIFAR-10"),
    ],
    ids=["empty", "garbage", "no data", "labels", "lengths", "floats", "bytes", "text"],
)
def test_a_batch_of_another_shape(content: bytes, words: str) -> None:
    batches = {name: batch(number) for number, name in enumerate(cifar10.BATCH_MD5)}
    with pytest.raises(DatasetError, match=words):
        cifar10._decode(batches | {"data_batch_2": content})


def test_a_batch_of_python_3_is_read_too(places: Places) -> None:
    stored = pickle.dumps({b"data": ROWS, b"labels": [3, 4]}, 2)
    assert cifar10._batch("x", stored).labels.tolist() == [3, 4]


def test_a_batch_that_unpacks_without_end(places: Places, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "MAX_BATCH_BYTES", 100)
    with pytest.raises(DatasetError, match="test_batch is no file of at most 100 bytes"):
        opened(places)


def test_notices_go_to_the_caller(places: Places) -> None:
    lines: list[str] = []
    with pytest.raises(ResourceError):
        opened(replace(places, notify=lines.append))
    assert lines == ["downloading cifar-10-python.tar.gz (170 MB) from 127.0.0.1:9"]
