from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.errors import DatasetError, ResourceError

from .makers import md5, open_named, republish, write_folder, write_tar

LABELS = {"train": (3, 10, 1), "test": (7, 2)}


def value(number: int, plane: int, row: int, column: int) -> int:
    """The pixels of image `number`: different by plane, row and column."""
    return (number + (row, 255 - column, 2 * row + column)[plane]) % 256


def image(number: int) -> bytes:
    """One image as it is stored: red, green, blue; each column from top to bottom, the left one first."""
    return bytes(value(number, plane, row, column) for plane in range(3) for column in range(96) for row in range(96))


CONTENTS = {
    **{f"{split}_y.bin": bytes(labels) for split, labels in LABELS.items()},
    **{f"{split}_X.bin": b"".join(image(number) for number in range(len(labels))) for split, labels in LABELS.items()},
}


def opened(image_request: ImageRequest) -> ImageArrays:
    return open_named("stl10", image_request)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    republish("stl10", monkeypatch, files={name: md5(content) for name, content in CONTENTS.items()})


def write_binary(home: Path, contents: Mapping[str, bytes] = CONTENTS) -> Path:
    home.mkdir(parents=True)
    for name, content in contents.items():
        (home / name).write_bytes(content)
    return home


def write_archive(path: Path, monkeypatch: pytest.MonkeyPatch, *, before: bytes = b"", after: bytes = b"x") -> Path:
    members = {f"stl10_binary/{name}": content for name, content in sorted(CONTENTS.items())}
    first, last = {"stl10_binary/fold_indices.txt": before}, {"stl10_binary/unlabeled_X.bin": after}
    checksum = write_tar(path, first | members | last)
    published(path, checksum, monkeypatch)
    return path


def published(path: Path, checksum: str, monkeypatch: pytest.MonkeyPatch) -> None:
    republish("stl10", monkeypatch, md5=checksum, size=path.stat().st_size)


def check_images(arrays: ImageArrays) -> None:
    for split, labels in LABELS.items():
        images = arrays.splits[split].images
        assert images.shape == (len(labels), 3, 96, 96)
        for number, planes in enumerate(images.tolist()):
            expected = [[[value(number, p, r, c) for c in range(96)] for r in range(96)] for p in range(3)]
            assert planes == expected
        assert arrays.splits[split].labels.tolist() == [label - 1 for label in labels]
    assert arrays.classes == DATASETS["stl10"].classes
    assert (arrays.classes[2], arrays.classes[9]) == ("car", "truck")


@pytest.mark.parametrize("home", [".", "stl10"])
def test_binary_files(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    write_binary(image_request.data_dir / home / "stl10_binary")
    arrays = opened(image_request)
    check_images(arrays)
    assert (arrays.source, arrays.canonical) == ("folder stl10_binary (md5 verified)", True)


@pytest.mark.parametrize("home", [".", "stl10"])
def test_the_archive(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    write_archive(image_request.data_dir / home / "stl10_binary.tar.gz", monkeypatch, before=b"0 1 2")
    arrays = opened(image_request)
    check_images(arrays)
    assert (arrays.source, arrays.canonical) == ("archive stl10_binary.tar.gz (md5 verified)", True)


def test_archive_and_files_have_one_fingerprint(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_archive(image_request.data_dir / "stl10_binary.tar.gz", monkeypatch)
    first = opened(image_request)
    archive.unlink()
    write_binary(image_request.data_dir / "stl10_binary")
    second = opened(replace(image_request, cache_dir=image_request.cache_dir / "second"))
    assert first.source != second.source
    assert first.fingerprint == second.fingerprint


def test_the_unlabelled_images_are_never_read(image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_archive(image_request.data_dir / "stl10_binary.tar.gz", monkeypatch, after=bytes(10**6))
    path.write_bytes(path.read_bytes()[:-500])
    published(path, md5(path.read_bytes()), monkeypatch)
    check_images(opened(image_request))


def test_folders_of_images(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "stl10", classes=DATASETS["stl10"].classes, count=1, size=96)
    arrays = opened(image_request)
    assert arrays.classes == DATASETS["stl10"].classes
    assert (arrays.source, arrays.canonical, arrays.resized) == ("image folder", False, 0)


def test_folders_of_other_classes(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "stl10", classes=("airplane", "frog"), count=1)
    with pytest.raises(DatasetError, match=r"stl10 has 2 classes, stl10 has 10 \(these differ: bird, car, cat"):
        opened(image_request)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_damaged_or_missing_file_is_named(image_request: ImageRequest, name: str) -> None:
    home = write_binary(image_request.data_dir / "stl10_binary")
    (home / name).write_bytes(b"other")
    with pytest.raises(DatasetError, match=rf"{name} differs from the published file: md5 is {md5(b'other')}"):
        opened(image_request)
    (home / name).unlink()
    with pytest.raises(DatasetError, match=f"{name} is missing"):
        opened(image_request)


def test_a_damaged_archive_of_the_users_stays(image_request: ImageRequest) -> None:
    path = image_request.data_dir / "stl10_binary.tar.gz"
    path.write_bytes(b"cut off")
    with pytest.raises(DatasetError, match=r"md5 is .*91f7769df0f17e558f3565bffb0c7dfb \(7 bytes\)"):
        opened(image_request)
    assert path.read_bytes() == b"cut off"


def test_nothing_there_and_no_network(image_request: ImageRequest, told: list[str]) -> None:
    with pytest.raises(ResourceError, match="refused") as error:
        opened(image_request)
    for way in (
        "stl10_binary.tar.gz",
        str(image_request.data_dir),
        "stl10/{train,test}/CLASS/*.png",
        "the dataset digits",
    ):
        assert way in error.value.hint
    assert [line.partition(";")[0] for line in told] == [
        "downloading stl10_binary.tar.gz (2.64GB) from 127.0.0.1:9 for STL-10"
    ]
