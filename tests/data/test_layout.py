import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitreport.data.registry import ImageRequest
from vitreport.data.splits import made_test_split
from vitreport.errors import DatasetError
from vitreport.spec.data import DatasetFacts

from .makers import count_folder, facts, noise, open_folder, write_folder, write_images


def with_validation(root: Path, name: str = "val", count: int = 2) -> Path:
    """A folder with all three splits."""
    write_folder(root)
    for number, each in enumerate(("cat", "dog")):
        write_images(root / name / each, count, seed=100 + 10 * number)
    return root


def unsplit(root: Path, count: int = 10) -> Path:
    for number, name in enumerate(("ape", "cat", "dog")):
        write_images(root / name, count, seed=100 * number)
    return root


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_validation_images_are_the_validation_split(
    tmp_path: Path, image_request: ImageRequest, told: list[str], name: str
) -> None:
    root = with_validation(tmp_path / "set", name)
    arrays = open_folder(root, image_request)
    assert {split: len(found.labels) for split, found in arrays.splits.items()} == {"train": 6, "val": 4, "test": 6}
    assert np.array_equal(arrays.splits["val"].images[2], noise(110).transpose(2, 0, 1))
    assert arrays.splits["val"].labels.tolist() == [0, 0, 1, 1]
    assert arrays.source == "image folder; validation split: val"
    assert told == [f"{root}: image folder; validation split: val"]
    assert count_folder(root) == {"train": 6, "val": 4, "test": 6}
    assert facts(root).has_validation


@pytest.mark.parametrize("name", ["val", "Valid", "validation"])
def test_without_test_images_the_validation_images_are_the_test_split(
    tmp_path: Path, image_request: ImageRequest, told: list[str], name: str
) -> None:
    root = write_folder(tmp_path / "set")
    plain = open_folder(root, image_request).fingerprint
    (root / "test").rename(root / name)
    arrays = open_folder(root, image_request)
    assert arrays.fingerprint == plain
    assert arrays.source == "image folder; test split: val"
    assert told == [f"{root}: image folder; test split: val"]
    assert not facts(root).has_validation


def test_names_of_splits_may_be_in_capitals(tmp_path: Path, image_request: ImageRequest, told: list[str]) -> None:
    root = write_folder(tmp_path / "set")
    plain = open_folder(root, image_request)
    for name in ("train", "test"):
        (root / name).rename(root / name.capitalize())
    arrays = open_folder(root, image_request)
    assert (arrays.fingerprint, arrays.source) == (plain.fingerprint, "image folder")
    assert told == []
    write_images(root / "Train" / "cat", 1, size=12)
    assert facts(root).image_size == 12


def test_a_folder_without_a_split_is_divided_the_same_way_each_time(
    tmp_path: Path, image_request: ImageRequest, told: list[str]
) -> None:
    root = unsplit(tmp_path / "set")
    arrays = open_folder(root, image_request)
    labels = {split: found.labels.tolist() for split, found in arrays.splits.items()}
    assert labels == {"train": [0] * 8 + [1] * 8 + [2] * 8, "test": [0, 0, 1, 1, 2, 2]}
    assert arrays.overlaps == {"train/test": 0}
    assert arrays.classes == ("ape", "cat", "dog")
    words = "split made by vitreport: 20% of each class for testing, seed 0"
    assert arrays.source == f"image folder; {words}"
    assert told == [f"{root}: image folder; {words}"]
    again = unsplit(tmp_path / "again")
    assert open_folder(again, image_request).fingerprint == arrays.fingerprint
    assert count_folder(root) == {"train": 24, "test": 6}
    write_images(root / "ape", 1, size=12)
    assert facts(root) == DatasetFacts("set", num_classes=3, image_size=12)


@pytest.mark.parametrize(("count", "tested"), [(2, 1), (3, 1), (5, 1), (8, 2), (100, 20)])
def test_at_least_one_image_of_each_class_is_for_testing(count: int, tested: int) -> None:
    labels = np.repeat(np.arange(3), count)
    test = made_test_split(labels, ["ape", "cat", "dog"])
    assert np.bincount(labels[test]).tolist() == [tested] * 3
    assert sorted(set(test.tolist())) == test.tolist()


def test_a_class_of_one_image_cannot_be_divided(tmp_path: Path, image_request: ImageRequest) -> None:
    root = unsplit(tmp_path / "set")
    write_images(root / "emu", 1)
    with pytest.raises(DatasetError, match="only one image of class 'emu'") as error:
        open_folder(root, image_request)
    assert error.value.hint


def add_stray(root: Path) -> None:
    Image.new("RGB", (8, 8)).save(root / "train" / "stray.png")


def add_root_image(root: Path) -> None:
    Image.new("RGB", (8, 8)).save(root / "stray.jpg")


def add_empty_folder(root: Path) -> None:
    (root / "val").mkdir()


def add_text(root: Path) -> None:
    (root / "test" / "dog" / "notes.txt").write_text("")
    (root / "README.md").write_text("")


@pytest.mark.parametrize(
    ("add", "words"),
    [
        (add_stray, "ignored train/stray.png"),
        (add_root_image, "ignored stray.jpg"),
        (add_empty_folder, "ignored val/"),
        (add_text, "ignored README.md and test/dog/notes.txt"),
    ],
)
def test_one_line_names_what_is_left_out(
    tmp_path: Path, image_request: ImageRequest, told: list[str], add: Callable[[Path], None], words: str
) -> None:
    root = write_folder(tmp_path / "set")
    add(root)
    open_folder(root, image_request)
    assert told == [f"{root}: {words}"]


def lowercase_twin(root: Path) -> None:
    write_images(root / "Test" / "cat")


def empty_class(root: Path) -> None:
    (root / "train" / "emu").mkdir()
    (root / "test" / "emu").mkdir()


def class_of_other_files(root: Path) -> None:
    for split in ("train", "test"):
        (root / split / "emu").mkdir()
        (root / split / "emu" / "0.heic").write_text("")


def second_validation(root: Path) -> None:
    for name in ("val", "validation"):
        write_images(root / name / "cat")


def only_training(root: Path) -> None:
    (root / "test").rename(root / "models")


def no_training(root: Path) -> None:
    (root / "train").rename(root / "data")


def unlabelled_test(root: Path) -> None:
    for name in ("cat", "dog"):
        (root / "test" / name).rename(root / f"test-{name}")
    write_images(root / "test")


def loose_training(root: Path) -> None:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (root / split / name).rename(root / f".{split}-{name}")
    write_images(root / "train")


def other_validation(root: Path) -> None:
    write_images(root / "val" / "cat")


def nothing(root: Path) -> None:
    for split in ("train", "test"):
        (root / split).rename(root / f".{split}")


def one_folder_more(root: Path) -> None:
    (root / "inner").mkdir()
    for split in ("train", "test"):
        (root / split).rename(root / "inner" / split)


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (lowercase_twin, "Test/ and test/ could each be the test split", "keep one"),
        (empty_class, "has no train image of class emu", "every split needs every class"),
        (class_of_other_files, "has no train image of class emu", "every split needs every class"),
        (second_validation, "val/ and validation/ could each be the val split", "keep one"),
        (
            only_training,
            "has no images in test/CLASS/ or val/CLASS/; it has models and train",
            "give .*/set/train as the dataset",
        ),
        (no_training, "has no images in train/CLASS/; it has data and test", "arrange the images"),
        (
            unlabelled_test,
            "has no images in test/CLASS/ or val/CLASS/; it has test, test-cat, test-dog",
            "add test/CLASS/",
        ),
        (loose_training, "set has no images in train/CLASS/; it has test and train", "labels.csv"),
        (other_validation, "has no val image of class dog", "every split needs every class"),
        (nothing, "has fewer than 2 classes", "arrange the images"),
        (one_folder_more, "has fewer than 2 classes", "give its path"),
    ],
)
def test_what_is_wrong_with_a_layout_is_named(
    tmp_path: Path, change: Callable[[Path], None], message: str, hint: str
) -> None:
    root = write_folder(tmp_path / "set")
    change(root)
    for ask in (facts, count_folder):
        with pytest.raises(DatasetError, match=message) as error:
            ask(root)
        assert re.search(hint, error.value.hint)


def test_validation_images_that_are_in_another_split_are_counted(tmp_path: Path, image_request: ImageRequest) -> None:
    root = with_validation(tmp_path / "set")
    (root / "val" / "cat" / "a.png").write_bytes((root / "train" / "cat" / "0000.png").read_bytes())
    (root / "val" / "cat" / "b.png").write_bytes((root / "test" / "cat" / "0000.png").read_bytes())
    arrays = open_folder(root, image_request)
    assert arrays.overlaps == {"train/test": 0, "train/val": 1, "val/test": 1}
