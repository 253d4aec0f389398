import re
from pathlib import Path

import numpy as np
import pytest

from vitreport.data.registry import ImageRequest
from vitreport.errors import DatasetError
from vitreport.spec.data import DatasetFacts

from .makers import count_folder, facts, noise, open_folder, write_images


def labelled(root: Path, table: str, *, images: str = "images", count: int = 10, name: str = "labels.csv") -> Path:
    write_images(root / images, count)
    (root / name).write_text(table)
    return root


def rows(header: str = "file,label", row: str = "{0:04}.png,{1}", count: int = 10) -> str:
    return "\n".join([header, *(row.format(index, "cat" if index % 2 else "dog") for index in range(count))]) + "\n"


@pytest.mark.parametrize(
    ("table", "images", "name"),
    [
        (rows(), "images", "labels.csv"),
        (rows(), ".", "labels.csv"),
        (rows("image_id,label", "{0:04},{1}"), "train", "train.csv"),
        (rows("id,breed", "{0:04},{1}"), "train", "labels.csv"),
        (rows("path;class", "images/{0:04}.png;{1}"), "images", "annotations.csv"),
        (rows("filepath,class", "./deep/er/{0:04}.png,{1}"), "deep/er", "labels.csv"),
        (rows("Image Name\tCategory", "{0:04}.png\t{1}"), "images", "labels.csv"),
        ("\ufeff" + rows("file,label", '"{0:04}.png","{1}"').replace("\n", "\r\n"), "images", "labels.csv"),
        (rows("filename,what", "{0:04}.png,{1}"), "images", "labels.csv"),
        (rows("n,file,width,label", "1,{0:04}.png,8,{1}") + "\n\n", "images", "labels.csv"),
    ],
)
def test_labels_come_from_a_csv_file(
    tmp_path: Path, image_request: ImageRequest, told: list[str], table: str, images: str, name: str
) -> None:
    root = labelled(tmp_path / "set", table, images=images, name=name)
    arrays = open_folder(root, image_request)
    words = "split made by vitreport: 20% of each class for testing, seed 0"
    assert arrays.classes == ("cat", "dog")
    assert {split: np.bincount(found.labels).tolist() for split, found in arrays.splits.items()} == {
        "train": [4, 4],
        "test": [1, 1],
    }
    assert arrays.source == f"images listed in {name}; {words}"
    assert told == [f"{root}: images listed in {name}; {words}"]
    assert facts(root) == DatasetFacts("set", num_classes=2, image_size=8)
    dogs = {noise(index).tobytes() for index in range(0, 10, 2)}
    for split in arrays.splits.values():
        for image, label in zip(split.images, split.labels, strict=True):
            assert (image.transpose(1, 2, 0).tobytes() in dogs) == (label == 1)


@pytest.mark.parametrize(
    ("splits", "counts", "source"),
    [
        (["train", "test"], {"train": 6, "test": 6}, "images listed in labels.csv"),
        (
            ["Training", "valid", "test"],
            {"train": 4, "val": 4, "test": 4},
            "images listed in labels.csv; validation split: val",
        ),
        (["train", "val"], {"train": 6, "test": 6}, "images listed in labels.csv; test split: val"),
    ],
)
def test_a_column_may_say_the_split(
    tmp_path: Path, image_request: ImageRequest, splits: list[str], counts: dict[str, int], source: str
) -> None:
    lines = [f"{n:04}.png,{'cat' if n % 2 else 'dog'},{splits[n // 2 % len(splits)]}" for n in range(12)]
    root = labelled(tmp_path / "set", "\n".join(["file,label,split", *lines]), count=12)
    arrays = open_folder(root, image_request)
    assert {split: len(found.labels) for split, found in arrays.splits.items()} == counts
    assert arrays.source == source
    assert count_folder(root) == counts
    assert facts(root).has_validation == ("val" in counts)


def test_what_the_file_does_not_name_is_ignored(tmp_path: Path, image_request: ImageRequest, told: list[str]) -> None:
    root = labelled(tmp_path / "set", rows("id,label", "{0:04},{1}"), images="train", name="train.csv")
    write_images(root / "test", 4, seed=50)
    (root / "sample_submission.csv").write_text("id,label\n0001,dog\n")
    arrays = open_folder(root, image_request)
    assert sum(len(split.labels) for split in arrays.splits.values()) == 10
    assert told[0] == f"{root}: ignored sample_submission.csv, test/0000.png, test/0001.png and 2 more"
    assert np.array_equal(arrays.splits["train"].images[0], noise(0).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "line 1, has no column for the file; its columns: none"),
        (rows("a,b"), "line 1, has no column for the file; its columns: a and b"),
        ("0000.png,dog\n0001.png,cat\n", "line 1, has no column for the file; its columns: 0000.png and dog"),
        (rows("file,x,y", "{0:04}.png,1,{1}"), "line 1, has no column for the label; its columns: file, x and y"),
        (rows("file"), "has no column for the label"),
        (rows() + "0099.png,cat\n98.png,dog\n", "line 12, names 0099.png, which does not exist"),
        (rows() + "0000.png,dog\n", "line 12, names images/0000.png twice"),
        (rows() + "0000.png\n", "line 12, has no file name or no label"),
        (rows() + "0000.png,\n", "line 12, has no file name or no label"),
        (rows(row="{0:04}.png,do\x1b[31mg{1}"), r"a class with an unprintable name, 'do\\x1b\[31mgcat'"),
        (rows() + ",dog\n", "line 12, has no file name or no label"),
        (rows() + "../../secret.png,dog\n", "names ../../secret.png, which does not exist"),
        (rows() + "/etc/hostname.png,dog\n", "names /etc/hostname.png, which does not exist"),
        (rows(row="{0:04}.png,cat"), "has fewer than 2 classes"),
        (rows("file,label,split", "{0:04}.png,{1},holdout"), "line 2, has the split 'holdout'"),
        (rows("file,label,split", "{0:04}.png,{1},test"), "has no training images"),
        (rows("file,label,split", "{0:04}.png,{1},train") + '"0', "line 12, unexpected end of data"),
        (rows("file,label", "{0:04}.png,{0}"), "only one image of 10 classes"),
    ],
)
def test_what_is_wrong_with_the_file_is_named(
    tmp_path: Path, image_request: ImageRequest, table: str, message: str
) -> None:
    root = labelled(tmp_path / "set", table)
    write_images(tmp_path, 1)
    (tmp_path / "0000.png").rename(tmp_path / "secret.png")
    with pytest.raises(DatasetError, match=message) as error:
        open_folder(root, image_request)
    assert error.value.hint


def test_a_class_must_be_in_every_split(tmp_path: Path, image_request: ImageRequest) -> None:
    table = "file,label,split\n0000.png,cat,train\n0001.png,dog,train\n0002.png,dog,test\n"
    with pytest.raises(DatasetError, match="has no test image of class cat"):
        open_folder(labelled(tmp_path / "set", table), image_request)


def test_an_image_of_two_places_is_not_guessed(tmp_path: Path, image_request: ImageRequest) -> None:
    root = labelled(tmp_path / "set", rows(), images="a")
    write_images(root / "b", 1)
    with pytest.raises(DatasetError, match=r"names 0000\.png, which could be a/0000\.png or b/0000\.png"):
        open_folder(root, image_request)


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ("0099.png,cat,train", "add the image, or remove the line"),
        ("0000.png,cat,train", "remove one of its lines"),
        ("0000.png", "complete the line, or remove it"),
        ("0009.png,cat,holdout", "write train, val or test"),
        ('"0', "correct the quotation marks"),
    ],
)
def test_the_hint_fits_the_line(tmp_path: Path, image_request: ImageRequest, row: str, hint: str) -> None:
    root = labelled(tmp_path / "set", rows("file,label,split", "{0:04}.png,{1},train", count=9) + row)
    with pytest.raises(DatasetError) as error:
        open_folder(root, image_request)
    assert error.value.hint == hint


def test_the_file_must_have_a_usual_name(tmp_path: Path, image_request: ImageRequest) -> None:
    root = labelled(tmp_path / "set", rows(), name="mine.csv")
    with pytest.raises(DatasetError, match="has fewer than 2 classes") as error:
        open_folder(root, image_request)
    assert re.search(r"labels\.csv", error.value.hint)


def test_a_csv_beside_class_folders_is_not_read(tmp_path: Path, image_request: ImageRequest) -> None:
    for number, name in enumerate(("cat", "dog")):
        write_images(tmp_path / "set" / name, 5, seed=10 * number)
    (tmp_path / "set" / "metadata.csv").write_text("a,b\n")
    assert open_folder(tmp_path / "set", image_request).classes == ("cat", "dog")


def test_a_file_that_is_not_utf8(tmp_path: Path, image_request: ImageRequest) -> None:
    root = labelled(tmp_path / "set", "")
    (root / "labels.csv").write_bytes(b"file,label\n0000.png,caf\xe9\n")
    with pytest.raises(DatasetError, match=r"labels\.csv: byte 23 is not UTF-8") as error:
        open_folder(root, image_request)
    assert error.value.hint == "save it as UTF-8"


def test_a_dead_link_is_named(tmp_path: Path, image_request: ImageRequest) -> None:
    root = labelled(tmp_path / "set", rows())
    (root / "images" / "0003.png").unlink()
    (root / "images" / "0003.png").symlink_to("/nowhere")
    with pytest.raises(DatasetError, match=r"images/0003\.png \(is missing\)"):
        open_folder(root, image_request)


def test_the_use_of_validation_images_is_told(tmp_path: Path, image_request: ImageRequest, told: list[str]) -> None:
    lines = [f"{n:04}.png,{'cat' if n % 2 else 'dog'},{'train' if n < 6 else 'val'}" for n in range(10)]
    root = labelled(tmp_path / "set", "\n".join(["file,label,split", *lines]))
    open_folder(root, image_request)
    assert told == [f"{root}: images listed in labels.csv; test split: val"]
