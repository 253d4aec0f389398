from collections.abc import Callable
from pathlib import Path

import pytest

from vitreport.data.registry import ImageRequest
from vitreport.data.sources import describe
from vitreport.errors import DatasetError
from vitreport.spec.data import DatasetFacts

from .makers import write_folder
from .tiny import WNIDS, opened, publish, write_tiny


def test_a_part_is_not_taken_for_the_whole(
    image_request: ImageRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert describe("tinyimagenet", [image_request.data_dir]) == DatasetFacts("tinyimagenet", 200, 64)
    root = write_tiny(image_request.data_dir / "tiny-imagenet-200")
    words = r"tiny-imagenet-200/wnids\.txt has 3 classes, tinyimagenet has 200"
    with pytest.raises(DatasetError, match=words) as error:
        opened(image_request)
    assert error.value.hint.startswith("rename the directory, or give its path")
    publish(image_request.data_dir / "tiny-imagenet-200.zip", root, monkeypatch)
    with pytest.raises(DatasetError, match=words):
        opened(image_request)


def test_a_part_under_the_name_of_the_whole(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "tinyimagenet")
    with pytest.raises(DatasetError, match=r"has 2 classes, tinyimagenet has 200") as error:
        opened(image_request)
    assert error.value.hint.startswith("rename the directory")


def append(file: str, text: str) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        with (root / file).open("a") as opened:
            opened.write(text)

    return damage


def remove(file: str) -> Callable[[Path], None]:
    return lambda root: (root / file).unlink()


def rewrite(file: str, content: bytes) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        (root / file).write_bytes(content)

    return damage


def rename_class(root: Path) -> None:
    (root / "train" / WNIDS[0]).rename(root / "train" / "n99999999")


def hide_images(root: Path) -> None:
    (root / "train" / WNIDS[0] / "images").rename(root / "train" / WNIDS[0] / "pictures")


def hide_validation(root: Path) -> None:
    (root / "val").rename(root / "validation")


DAMAGES = pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove("wnids.txt"), r"wnids\.txt is missing"),
        (remove("words.txt"), r"words\.txt is missing"),
        (remove("val/val_annotations.txt"), r"val/val_annotations\.txt is missing"),
        (hide_validation, r"val/val_annotations\.txt is missing"),
        (rename_class, "has no train image of class n02124075"),
        (hide_images, "has no train image of class n02124075"),
        (append("wnids.txt", "\n../../../etc"), r"wnids\.txt has 4 classes, tinyimagenet has 3"),
        (rewrite("wnids.txt", b"n02124075\n\n"), r"wnids\.txt has 1 classes, tinyimagenet has 3"),
        (rewrite("wnids.txt", b"\xff\xfe"), r"wnids\.txt: byte 0 is not UTF-8"),
        (rewrite("wnids.txt", b"\x1b[31m\n"), r"wnids\.txt has 1 classes, tinyimagenet has 3"),
        (rewrite("words.txt", b"n02124075 cat"), r"words\.txt does not name every class of wnids\.txt"),
        (rewrite("words.txt", b"n02124075\t\x1b[31m"), r"words\.txt does not name every class of wnids\.txt"),
        *(
            (damage, "val_annotations.txt must give each image in val/images, and no other file, a class")
            for damage in (
                append("val/val_annotations.txt", "val_6.JPEG\tn9\n"),
                append("val/val_annotations.txt", "val_6.JPEG\n"),
                append("val/val_annotations.txt", f"val_6.JPEG\t{WNIDS[0]}"),
                append("val/val_annotations.txt", "val_5.JPEG\tn9\n"),
                append("val/val_annotations.txt", f"../../x\t{WNIDS[0]}"),
                rewrite("val/val_annotations.txt", b""),
            )
        ),
    ],
)


@DAMAGES
@pytest.mark.usefixtures("three_classes")
def test_another_layout_is_named(image_request: ImageRequest, damage: Callable[[Path], None], words: str) -> None:
    damage(write_tiny(image_request.data_dir / "tiny-imagenet-200"))
    with pytest.raises(DatasetError, match=words) as error:
        opened(image_request)
    assert error.value.hint


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.usefixtures("three_classes")
def test_images_that_do_not_decode_are_counted(
    tmp_path: Path, image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    root = write_tiny((tmp_path if packed else image_request.data_dir) / "tiny-imagenet-200")
    (root / "val" / "images" / "val_3.JPEG").write_text("text")
    file = root / "train" / WNIDS[1] / "images" / f"{WNIDS[1]}_1.JPEG"
    file.write_bytes(file.read_bytes()[:-100])
    if packed:
        publish(image_request.data_dir / "tiny-imagenet-200.zip", root, monkeypatch)
    with pytest.raises(DatasetError, match=rf"^2 of 12 images cannot be decoded: train/{WNIDS[1]}/images/.*truncated"):
        opened(image_request)
