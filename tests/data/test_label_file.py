import re
from pathlib import Path

import numpy as np
import pytest

from vitreport.data import folder
from vitreport.data.cache import ImageArrays, Places, cached
from vitreport.data.folder import count_images, first, has_validation, num_classes
from vitreport.errors import DatasetError

from .makers import noise, write_images


def opened(root: Path, places: Places) -> ImageArrays:
    return cached("set", 8, folder.find_in(root, 8, places.notify), places)


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
        (rows("id,breed", "{0:04},{1}"), "train", "Labels.csv"),
        (rows("path;class", "images/{0:04}.png;{1}"), "images", "mine.csv"),
        (rows("filepath,class", "./deep/er/{0:04}.png,{1}"), "deep/er", "labels.csv"),
        (rows("Image Name\tCategory", "{0:04}.png\t{1}"), "images", "labels.csv"),
        ("\ufeff" + rows("file,label", '"{0:04}.png","{1}"').replace("\n", "\r\n"), "images", "labels.csv"),
        (rows("filename,what", "{0:04}.png,{1}"), "images", "labels.csv"),
        (rows("n,file,width,label", "1,{0:04}.png,8,{1}") + "\n\n", "images", "labels.csv"),
    ],
)
def test_labels_come_from_a_csv_file(
    tmp_path: Path, places: Places, told: list[str], table: str, images: str, name: str
) -> None:
    root = labelled(tmp_path / "set", table, images=images, name=name)
    arrays = opened(root, places)
    words = "split made by vitreport: 20% of each class for testing, seed 0"
    assert arrays.classes == ("cat", "dog")
    assert {split: np.bincount(found.labels).tolist() for split, found in arrays.splits.items()} == {
        "train": [4, 4],
        "test": [1, 1],
    }
    assert arrays.source == f"images listed in {name}; {words}"
    assert told == [f"{root}: no test split found: {words}, the same for every run"]
    assert (num_classes(root), has_validation(root)) == (2, False)
    assert first(root).path.endswith("0000.png")
    dogs = {noise(index).tobytes() for index in range(0, 10, 2)}
    for split in arrays.splits.values():
        for image, label in zip(split.images, split.labels, strict=True):
            assert (image.transpose(1, 2, 0).tobytes() in dogs) == (label == 1)


@pytest.mark.parametrize(
    ("splits", "counts", "source"),
    [
        (["train", "test"], {"train": 6, "test": 6}, "images listed in labels.csv"),
        (["Training", "valid", "test"], {"train": 4, "val": 4, "test": 4}, "images listed in labels.csv"),
        (["train", "val"], {"train": 6, "test": 6}, "images listed in labels.csv; test split: val"),
    ],
)
def test_a_column_may_say_the_split(
    tmp_path: Path, places: Places, splits: list[str], counts: dict[str, int], source: str
) -> None:
    lines = [f"{n:04}.png,{'cat' if n % 2 else 'dog'},{splits[n // 2 % len(splits)]}" for n in range(12)]
    root = labelled(tmp_path / "set", "\n".join(["file,label,split", *lines]), count=12)
    arrays = opened(root, places)
    assert {split: len(found.labels) for split, found in arrays.splits.items()} == counts
    assert arrays.source == source
    assert count_images(root) == counts
    assert has_validation(root) == ("val" in counts)


def test_images_that_the_file_does_not_name_are_counted(tmp_path: Path, places: Places, told: list[str]) -> None:
    root = labelled(tmp_path / "set", rows("id,label", "{0:04},{1}"), images="train", name="train.csv")
    write_images(root / "test", 4, seed=50)
    (root / "sample_submission.csv").write_text("id,label\n0001,dog\n")
    arrays = opened(root, places)
    assert sum(len(split.labels) for split in arrays.splits.values()) == 10
    assert told[0] == f"{root}: ignored 4 images that train.csv does not name"
    assert np.array_equal(arrays.splits["train"].images[0], noise(0).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "has no column for the file name; its first line is empty"),
        (rows("a,b"), "has no column for the file name; its first line is a, b"),
        ("0000.png,dog\n0001.png,cat\n", "has no column for the file name; its first line is 0000.png, dog"),
        (rows("file,x,y", "{0:04}.png,1,{1}"), "has no column for the label; its first line is file, x, y"),
        (rows("file"), "has no column for the label"),
        (rows() + "0099.png,cat\n98.png,dog\n", r"names 2 of 12 images that are not there: 0099.png \(line 12\), 98"),
        (rows() + "0000.png,dog\n", "line 12, names images/0000.png again, after line 2"),
        (rows() + "0000.png\n", "line 12, has only 1 column"),
        (rows() + "0000.png,\n", "line 12, has no printable label"),
        (rows() + "0000.png,do\x1b[31mg\n", "line 12, has no printable label"),
        (rows() + ",dog\n", "line 12, has no file name"),
        (rows() + "../../secret.png,dog\n", "not there: ../../secret.png"),
        (rows() + "/etc/hostname.png,dog\n", "not there: /etc/hostname.png"),
        (rows(row="{0:04}.png,cat"), "has 1 classes, at least 2"),
        (rows("file,label,split", "{0:04}.png,{1},holdout"), "line 2, has the split 'holdout', not train, val or test"),
        (rows("file,label,split", "{0:04}.png,{1},test"), "names no training images"),
        (rows("file,label,split", "{0:04}.png,{1},train") + '"0', "line 12, is not CSV"),
        (rows("file,label", "{0:04}.png,{0}"), "only one image of 10 classes"),
    ],
)
def test_what_is_wrong_with_the_file_is_named(tmp_path: Path, places: Places, table: str, message: str) -> None:
    root = labelled(tmp_path / "set", table)
    write_images(tmp_path, 1)
    (tmp_path / "0000.png").rename(tmp_path / "secret.png")
    with pytest.raises(DatasetError, match=message) as error:
        opened(root, places)
    assert error.value.hint


def test_a_class_must_be_in_every_split(tmp_path: Path, places: Places) -> None:
    table = "file,label,split\n0000.png,cat,train\n0001.png,dog,train\n0002.png,dog,test\n"
    with pytest.raises(DatasetError, match="has no test image of the class cat"):
        opened(labelled(tmp_path / "set", table), places)


def test_an_image_of_two_places_is_not_guessed(tmp_path: Path, places: Places) -> None:
    root = labelled(tmp_path / "set", rows(), images="a")
    write_images(root / "b", 1)
    with pytest.raises(DatasetError, match=r"names 0000\.png, which could be a/0000\.png and b/0000\.png"):
        opened(root, places)


def test_one_of_several_files_must_have_the_usual_name(tmp_path: Path, places: Places) -> None:
    root = labelled(tmp_path / "set", rows(), name="one.csv")
    (root / "two.csv").write_text("")
    with pytest.raises(DatasetError, match=r"has 2 CSV files: one\.csv, two\.csv") as error:
        opened(root, places)
    assert re.search(r"labels\.csv", error.value.hint)


def test_a_csv_beside_class_folders_is_not_read(tmp_path: Path, places: Places) -> None:
    for number, name in enumerate(("cat", "dog")):
        write_images(tmp_path / "set" / name, 5, seed=10 * number)
    (tmp_path / "set" / "metadata.csv").write_text("a,b\n")
    assert opened(tmp_path / "set", places).classes == ("cat", "dog")


def test_a_file_that_is_not_utf8(tmp_path: Path, places: Places) -> None:
    root = labelled(tmp_path / "set", "")
    (root / "labels.csv").write_bytes(b"file,label\n0000.png,caf\xe9\n")
    with pytest.raises(DatasetError, match=r"labels\.csv cannot be read") as error:
        opened(root, places)
    assert error.value.hint == "save it as UTF-8"


def test_a_dead_link_is_named(tmp_path: Path, places: Places) -> None:
    root = labelled(tmp_path / "set", rows())
    (root / "images" / "9.jpg").symlink_to("/nowhere")
    with pytest.raises(DatasetError, match=r"images/9\.jpg is a dead link"):
        opened(root, places)


def test_the_use_of_validation_images_is_told(tmp_path: Path, places: Places, told: list[str]) -> None:
    lines = [f"{n:04}.png,{'cat' if n % 2 else 'dog'},{'train' if n < 6 else 'val'}" for n in range(10)]
    root = labelled(tmp_path / "set", "\n".join(["file,label,split", *lines]))
    opened(root, places)
    assert told == [f"{root}/labels.csv: the validation images are the test split, as there are no other test images"]
