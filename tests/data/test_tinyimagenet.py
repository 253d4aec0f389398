from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import ImageRequest
from vitreport.errors import ResourceError

from .makers import write_folder
from .tiny import WNIDS, opened, publish, write_tiny

NAMES = ("Egyptian cat", "reel (n04067472)", "reel (n00001930)")
HOMES = pytest.mark.parametrize("home", [".", "tinyimagenet"])


def pixels(file: Path) -> list[list[list[int]]]:
    """(3, 64, 64), a grey image three times the same."""
    with Image.open(file) as image:
        planes = np.asarray(image).reshape(64, 64, -1).transpose(2, 0, 1)
    found: list[list[list[int]]] = planes.repeat(3 // len(planes), axis=0).tolist()
    return found


def check_images(arrays: ImageArrays, root: Path) -> None:
    train, test = arrays.splits["train"], arrays.splits["test"]
    files = [root / "train" / wnid / "images" / f"{wnid}_{index}.JPEG" for wnid in WNIDS for index in range(2)]
    assert train.images.tolist() == [pixels(file) for file in files]
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert test.images.tolist() == [pixels(root / "val" / "images" / f"val_{index}.JPEG") for index in range(6)]
    assert test.labels.tolist() == [2, 1, 0, 2, 1, 0]
    assert arrays.classes == NAMES
    assert arrays.resized == 0


@HOMES
@pytest.mark.usefixtures("three_classes")
def test_the_original_layout(image_request: ImageRequest, told: list[str], home: str) -> None:
    root = write_tiny(image_request.data_dir / home / "tiny-imagenet-200")
    arrays = opened(image_request)
    check_images(arrays, root)
    assert (arrays.source, arrays.canonical) == ("folder tiny-imagenet-200 (unpacked, not verified)", False)
    assert told == []


@HOMES
@pytest.mark.usefixtures("three_classes")
def test_the_archive(image_request: ImageRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    root = write_tiny(tmp_path / "tiny-imagenet-200")
    publish(image_request.data_dir / home / "tiny-imagenet-200.zip", root, monkeypatch)
    arrays = opened(image_request)
    check_images(arrays, root)
    assert (arrays.source, arrays.canonical) == ("archive tiny-imagenet-200.zip (md5 verified)", True)


@pytest.mark.usefixtures("three_classes")
def test_grey_images_become_rgb(image_request: ImageRequest) -> None:
    root = write_tiny(image_request.data_dir / "tiny-imagenet-200")
    with Image.open(root / "train" / WNIDS[0] / "images" / f"{WNIDS[0]}_0.JPEG") as first:
        assert first.mode == "L"
    images = opened(image_request).splits["train"].images
    grey = [bool((image == image[0]).all()) for image in images]
    assert grey == [True, False] * 3


@pytest.mark.usefixtures("three_classes")
def test_labels_follow_the_annotations_and_not_the_names(image_request: ImageRequest) -> None:
    root = write_tiny(image_request.data_dir / "tiny-imagenet-200")
    annotations = root / "val" / "val_annotations.txt"
    lines = annotations.read_text().splitlines()
    annotations.write_bytes("\r\n".join(reversed(lines)).encode())
    test = opened(image_request).splits["test"]
    assert test.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert test.images[0].tolist() == pixels(root / "val" / "images" / "val_5.JPEG")


@pytest.mark.parametrize(
    ("file", "former", "latter"),
    [
        ("wnids.txt", "\n".join(WNIDS), "\n".join(sorted(WNIDS))),
        ("words.txt", "Egyptian cat", "Siamese cat"),
        ("val/val_annotations.txt", f"val_0.JPEG\t{WNIDS[2]}", f"val_0.JPEG\t{WNIDS[1]}"),
    ],
)
@pytest.mark.usefixtures("three_classes")
def test_another_label_or_name_is_another_data_set(
    image_request: ImageRequest, file: str, former: str, latter: str
) -> None:
    path = write_tiny(image_request.data_dir / "tiny-imagenet-200") / file
    before = opened(image_request).fingerprint
    path.write_text(path.read_text().replace(former, latter))
    assert opened(image_request).fingerprint != before


@pytest.mark.usefixtures("three_classes")
def test_folders_by_class(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "tinyimagenet", classes=WNIDS, count=1, size=64)
    arrays = opened(image_request)
    assert (arrays.classes, arrays.source) == (tuple(sorted(WNIDS)), "image folder")


def test_nothing_there_and_no_network(image_request: ImageRequest, told: list[str]) -> None:
    with pytest.raises(ResourceError, match="refused") as error:
        opened(image_request)
    assert "tinyimagenet/{train,test}/CLASS/*.png" in error.value.hint
    assert [line.partition(";")[0] for line in told] == [
        "downloading tiny-imagenet-200.zip (248MB) from 127.0.0.1:9 for Tiny ImageNet"
    ]
