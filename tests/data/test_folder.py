import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitreport.data import decode
from vitreport.data.registry import ImageRequest
from vitreport.errors import DatasetError, SpecError
from vitreport.spec.data import DatasetFacts

from .makers import count_folder, facts, noise, open_folder, write_folder


def one_image(tmp_path: Path, image_request: ImageRequest, image: Image.Image, size: int = 8) -> list[list[int]]:
    """The distinct colours that an image has when it is read as the first of a dataset."""
    root = write_folder(tmp_path / "set", size=size)
    image.save(root / "train" / "cat" / "0000.png")
    pixels = open_folder(root, image_request, size).splits["train"].images[0]
    colours: list[list[int]] = np.unique(pixels.reshape(3, -1), axis=1).T.tolist()
    return colours


def test_images_labels_and_classes_in_sorted_order(
    tmp_path: Path, image_request: ImageRequest, told: list[str]
) -> None:
    arrays = open_folder(write_folder(tmp_path / "set", classes=("dog", "Cat", "ape")), image_request)
    assert arrays.classes == ("Cat", "ape", "dog")
    assert arrays.splits["test"].labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert arrays.splits["train"].images.shape == (9, 3, 8, 8)
    first_cat = noise(3).transpose(2, 0, 1)
    assert np.array_equal(arrays.splits["train"].images[0], first_cat)
    assert (arrays.source, arrays.canonical, arrays.resized) == ("image folder", False, 0)
    assert told == []


def test_blocks_do_not_change_the_result(
    tmp_path: Path, image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_folder(tmp_path / "set", count=5)
    whole = open_folder(root, image_request).fingerprint
    monkeypatch.setattr(decode, "BLOCK_BYTES", 3 * 3 * 8**2)
    os.utime(root / "train" / "cat" / "0000.png")
    assert open_folder(root, image_request).fingerprint == whole


def test_suffixes_in_capitals_hidden_and_other_files(
    tmp_path: Path, image_request: ImageRequest, told: list[str]
) -> None:
    root = write_folder(tmp_path / "set")
    cat = root / "train" / "cat"
    Image.fromarray(noise(50)).save(cat / "9.JPEG")
    Image.fromarray(noise(51)).save(cat / "8.JpG")
    (cat / ".hidden.png").write_text("no image")
    (cat / "notes.txt").write_text("no image")
    (root / "train" / ".DS_Store").mkdir()
    assert open_folder(root, image_request).splits["train"].labels.tolist() == [0] * 5 + [1] * 3
    assert told == [f"{root}: ignored train/cat/notes.txt"]


def test_other_sizes_are_cut_and_resized_and_counted(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    wide = Image.new("RGB", (64, 16), "red")
    wide.paste("blue", (24, 0, 40, 16))
    wide.save(root / "train" / "cat" / "0000.png")
    arrays = open_folder(root, image_request)
    assert arrays.resized == 1
    red, green, blue = arrays.splits["train"].images[0].astype(int)
    assert (red[:, 1:-1].max(), green.max(), blue[:, 1:-1].min()) == (0, 0, 255)
    assert red.max() < 64  # the edge blends with its neighbours


def test_resizing_does_not_alias(tmp_path: Path, image_request: ImageRequest) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    colours = one_image(tmp_path, image_request, Image.fromarray(stripes))
    assert all(abs(value - 127.5) < 12 for colour in colours for value in colour)


def grey16(value: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8), value, np.uint16))


def palette(transparency: int | None = None) -> Image.Image:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (8, 8), 77), [77, 77, 77]),
        (Image.new("1", (8, 8), 1), [255, 255, 255]),
        (grey16(65535), [255, 255, 255]),
        (grey16(257 * 100), [100, 100, 100]),
        (grey16(60000), [233, 233, 233]),
        (palette(), [10, 20, 30]),
        (palette(transparency=1), [255, 255, 255]),
        (palette(transparency=0), [10, 20, 30]),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 255)), [10, 20, 30]),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 0)), [255, 255, 255]),
        (Image.new("LA", (8, 8), (0, 51)), [204, 204, 204]),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else value.mode,
)
def test_every_kind_of_png_becomes_rgb(
    tmp_path: Path, image_request: ImageRequest, image: Image.Image, colour: list[int]
) -> None:
    assert one_image(tmp_path, image_request, image) == [colour]


def test_cmyk_photographs_become_rgb(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(root / "train" / "cat" / "0.jpg", quality=100)
    red, green, blue = open_folder(root, image_request).splits["train"].images[0].reshape(3, -1).mean(axis=1)
    assert (red > 250, green < 5, blue < 5) == (True, True, True)


def remove_test(root: Path) -> None:
    (root / "test").rename(root / "tset")


def rename_class(root: Path) -> None:
    (root / "test" / "dog").rename(root / "test" / "wolf")


def empty_class(root: Path) -> None:
    for file in (root / "test" / "dog").iterdir():
        file.rename(file.with_suffix(".heic"))


def keep_one_class(root: Path) -> None:
    for split in ("train", "test"):
        (root / split / "dog").rename(root / split / ".dog")


def unprintable_class(root: Path) -> None:
    (root / "train" / "dog").rename(root / "train" / "do\x1b[31mg")


def link_to_itself(root: Path) -> None:
    (root / "train" / "cat" / "0.png").symlink_to(root / "train" / "cat" / "0.png")


def pipe(root: Path) -> None:
    os.mkfifo(root / "train" / "cat" / "0.png")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove_test, "has no images in test/CLASS/ or val/CLASS/; it has train and tset"),
        (rename_class, "has no train image of class wolf"),
        (empty_class, "has no test image of class dog"),
        (keep_one_class, "has fewer than 2 classes"),
        (unprintable_class, r"a class with an unprintable name, 'do\\x1b\[31mg'"),
        (link_to_itself, r"train/cat/0\.png cannot be read: too many"),
        (pipe, r"train/cat/0\.png \(is not a regular file\)"),
    ],
)
def test_another_layout_is_named(
    tmp_path: Path, image_request: ImageRequest, damage: Callable[[Path], None], words: str
) -> None:
    root = write_folder(tmp_path / "set")
    damage(root)
    with pytest.raises(DatasetError, match=words) as error:
        open_folder(root, image_request)
    assert error.value.hint


def test_a_link_inside_the_data_set_is_followed(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train" / "cat" / "9.png").symlink_to("0000.png")
    images = open_folder(root, image_request).splits["train"].images
    assert np.array_equal(images[0], images[3])


def test_a_data_set_may_itself_be_a_link(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    (tmp_path / "link").symlink_to(root)
    assert len(open_folder(tmp_path / "link", image_request).splits["train"].labels) == 6


def test_all_images_are_tried_and_the_damaged_ones_named(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    whole = (root / "train" / "cat" / "0000.png").read_bytes()
    (root / "train" / "cat" / "0000.png").write_bytes(whole[:-60])
    (root / "train" / "dog" / "0001.png").write_text("text")
    Image.new("RGB", (8, 8)).save(root / "test" / "cat" / "0001.png", format="TGA")
    (root / "test" / "dog" / "0002.png").write_bytes(b"")
    with pytest.raises(DatasetError) as error:
        open_folder(root, image_request)
    assert error.value.message.startswith("4 of 12 images cannot be decoded: train/cat/0000.png (")
    assert "train/dog/0001.png (not an image of a known format), test/cat/" in error.value.message
    assert error.value.message.endswith(" and 1 more")
    assert not list((image_request.cache_dir / "arrays").glob("set-*"))
    assert str(root) not in error.value.message


@pytest.mark.parametrize("limit", [63, 31])
def test_an_image_that_would_fill_the_memory(
    tmp_path: Path, image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Pillow warns above its limit and refuses above twice its limit."""
    root = write_folder(tmp_path / "set")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DatasetError, match=rf"12 of 12 .*train/cat/0000.png \(more than {limit} pixels\)"):
        open_folder(root, image_request)
    with pytest.raises(DatasetError, match=rf"train/cat/0000.png \(more than {limit} pixels\)"):
        facts(root)


def test_the_facts_of_a_folder(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set")
    assert facts(root) == DatasetFacts("set", num_classes=2, image_size=8)
    assert count_folder(root) == {"train": 6, "test": 6}
    Image.new("RGB", (30, 20)).save(root / "train" / "cat" / "0000.png")
    with pytest.raises(
        SpecError, match=r"the first image, train/cat/0000\.png, is 30 x 20 pixels, not a square of 8 to 1024"
    ):
        facts(root)
    assert facts(root, 16).image_size == 16


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train" / "cat").chmod(0)
    with pytest.raises(DatasetError, match="train/cat cannot be read"):
        open_folder(root, image_request)
