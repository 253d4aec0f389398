"""Very small and very unequal classes, and splits of other class shares."""

import pytest

from tests.data.makers import write_folder
from vitreport.data.notices import MAX_UNEQUAL, MIN_CLASS_IMAGES, class_warning, shares_apart, unequal_classes
from vitreport.data.registry import ImageRequest, silent
from vitreport.data.verify import verify

CLASSES = ("cat", "dog", "newt")


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ((100, 100, 100), (20, 20, 20), ""),
        (
            (MIN_CLASS_IMAGES, MIN_CLASS_IMAGES, MIN_CLASS_IMAGES),
            (MIN_CLASS_IMAGES, MIN_CLASS_IMAGES, MIN_CLASS_IMAGES),
            "",
        ),
        (
            (MIN_CLASS_IMAGES - 1, 100, 100),
            (20, 20, 20),
            "1 of 3 classes has fewer than 20 training images (the fewest: 19 of cat)",
        ),
        (
            (100, 100, 100),
            (20, 3, 4),
            "2 of 3 classes have fewer than 20 test images (the fewest: 3 of dog)",
        ),
        ((20 * MAX_UNEQUAL, 20, 20), (20, 20, 20), ""),
        (
            (20 * MAX_UNEQUAL + 1, 20, 20),
            (20, 20, 20),
            "the class sizes are very unequal (201 training images of cat, 20 of dog)",
        ),
        (
            (900, 5, 0),
            (90, 1, 0),
            "2 of 3 classes have fewer than 20 training images (the fewest: 0 of newt); 2 of 3 classes have fewer "
            "than 20 test images (the fewest: 0 of newt); "
            "the class sizes are very unequal (900 training images of cat, 0 of newt)",
        ),
    ],
)
def test_what_is_warned_of(train: tuple[int, ...], test: tuple[int, ...], expected: str) -> None:
    assert class_warning(CLASSES, {"train": train, "val": (1, 1, 1), "test": test}) == expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((30, 20, 20), ""),
        ((20, 31, 25), "31 test images of dog, 20 of cat"),
        ((1, 0, 1), "1 test image of newt, 0 of dog"),
        ((), ""),
    ],
)
def test_which_test_classes_are_unequal(sizes: tuple[int, ...], expected: str) -> None:
    assert unequal_classes(CLASSES, sizes) == expected


def test_few_training_images_by_the_users_own_limit_are_no_surprise() -> None:
    counts = {"train": (5, 5, 5), "test": (90, 90, 90)}
    assert class_warning(CLASSES, counts)
    assert class_warning(CLASSES, counts, limited=True) == ""


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [((90, 10), (9, 1), 0.0), ((90, 10), (50, 50), 0.4), ((100, 0), (0, 100), 1.0), ((146, 139), (36, 36), 0.0123)],
)
def test_how_far_class_shares_are_apart(train: tuple[int, ...], test: tuple[int, ...], expected: float) -> None:
    assert shares_apart({"train": train, "test": test}) == pytest.approx(expected, abs=1e-4)


def test_verify_names_small_classes(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "pets", count=3)
    for name, notable, told in (("pets", True, "2 of 2 classes have fewer than 20"), ("digits", False, "no class")):
        folders = [image_request.data_dir], image_request.cache_dir
        checks = {each.name: each for each in verify(name, *folders, None, silent, silent)}
        assert (checks["class sizes"].ok, checks["class sizes"].is_notable) == (True, notable)
        assert checks["class sizes"].detail.startswith(told)
