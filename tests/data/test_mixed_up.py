"""What could be mistaken for something else in an image folder: a copy, a later picture, a name in two splits."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from vitreport.data.registry import ImageRequest

from .makers import noise, open_folder, write_folder, write_images


def test_other_files_of_equal_size_and_time_are_other_images(tmp_path: Path, image_request: ImageRequest) -> None:
    roots = [write_folder(tmp_path / name / "set") for name in ("first", "second")]
    for index, root in enumerate(roots):
        for path in sorted(root.rglob("*.png")):
            pixels = noise(1000 + index) if "train" in path.parts else noise(1)
            Image.fromarray(pixels).save(path.with_suffix(".ppm"))
            path.unlink()
            os.utime(path.with_suffix(".ppm"), (0, 0))
    first, second = (open_folder(root, image_request) for root in roots)
    assert first.fingerprint != second.fingerprint


def test_a_damaged_later_picture_does_not_take_the_place_of_the_first(
    tmp_path: Path, image_request: ImageRequest
) -> None:
    root = write_folder(tmp_path / "set")
    path = min((root / "train").rglob("*.png"))
    pictures = [Image.fromarray(noise(seed)) for seed in (500, 501, 502)]
    pictures[0].save(path.with_suffix(".tif"), save_all=True, append_images=pictures[1:])
    path.unlink()
    whole = path.with_suffix(".tif").read_bytes()
    seen = set()
    for length in range(len(whole) * 2 // 3, len(whole), 23):
        path.with_suffix(".tif").write_bytes(whole[:length])
        seen.add(open_folder(root, image_request).splits["train"].images[0].tobytes())
    assert seen == {noise(500).transpose(2, 0, 1).tobytes()}


def test_a_name_in_two_folders_is_the_one_of_its_split(tmp_path: Path, image_request: ImageRequest) -> None:
    for seed, split in ((0, "train"), (50, "test")):
        write_images(tmp_path / "set" / split, 4, seed=seed)
    rows = [
        f"{number:04}.png,{'cat' if number % 2 else 'dog'},{split}"
        for split in ("train", "test")
        for number in range(4)
    ]
    (tmp_path / "set" / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    arrays = open_folder(tmp_path / "set", image_request)
    for split, seed in (("train", 0), ("test", 50)):
        wanted = {noise(seed + number).transpose(2, 0, 1).tobytes() for number in range(4)}
        assert {image.tobytes() for image in arrays.splits[split].images} == wanted
    assert np.bincount(arrays.splits["test"].labels).tolist() == [2, 2]


def test_a_table_of_labels_beside_class_folders_is_named(
    tmp_path: Path, image_request: ImageRequest, told: list[str]
) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train.csv").write_text("file,label\n0000.png,cat\n")
    open_folder(root, image_request)
    assert told == [f"{root}: ignored train.csv"]
