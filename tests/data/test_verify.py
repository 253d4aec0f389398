from dataclasses import replace

import pytest
from PIL import Image

from vitreport.data.registry import DATASETS, ImageRequest, silent
from vitreport.data.verify import Check, verify
from vitreport.errors import DatasetError, SpecError

from .makers import write_folder


def checks(dataset: str, image_request: ImageRequest, image_size: int | None = None) -> dict[str, Check]:
    folders = [image_request.data_dir], image_request.cache_dir
    return {check.name: check for check in verify(dataset, *folders, image_size, silent, silent)}


def test_a_sound_data_set_passes_every_check(image_request: ImageRequest) -> None:
    found = checks("digits", image_request)
    assert all(check.ok for check in found.values())
    assert found["train images"].detail == "1,437 images, 139 to 146 in each of 10 classes"
    assert found["image size"].detail == "8 x 8"
    assert found["canonical"].detail == "scikit-learn: as published"


def test_a_folder_of_ones_own_passes_by_path(image_request: ImageRequest) -> None:
    found = checks(str(write_folder(image_request.data_dir / "pets")), image_request)
    assert all(check.ok for check in found.values())
    assert found["test images"].detail == "6 images, 3 in each of 2 classes"
    assert found["canonical"].detail.endswith(": own images")


def test_copies_between_and_within_splits_are_counted(image_request: ImageRequest) -> None:
    root = write_folder(image_request.data_dir / "pets")
    copied = (root / "train" / "cat" / "0000.png").read_bytes()
    for place in ("train/dog/7.png", "train/cat/8.png", "test/dog/9.png"):
        (root / place).write_bytes(copied)
    found = checks("pets", image_request)
    told = "1 test images are also training images"
    assert found["train/test overlap"] == Check("train/test overlap", False, told)
    assert found["training duplicates"].detail == "2 training images are duplicates of another one"
    assert found["training duplicates"].ok
    assert found["training duplicates"].is_notable


def test_a_few_training_images_may_repeat_others(image_request: ImageRequest) -> None:
    root = write_folder(image_request.data_dir / "pets", count=50)
    assert not checks("pets", image_request)["training duplicates"].is_notable
    (root / "train" / "cat" / "copy.png").write_bytes((root / "train" / "cat" / "0000.png").read_bytes())
    found = checks("pets", image_request)["training duplicates"]
    assert (found.detail, found.is_notable) == ("1 training images are duplicates of another one", False)


def test_a_changed_pixel_in_the_cache_is_decoded_again(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "pets")
    before = checks("pets", image_request)["fingerprint"]
    (file,) = image_request.cache_dir.glob("arrays/pets-*/images-test.bin")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert checks("pets", image_request)["fingerprint"] == before
    assert file.read_bytes() == content


def test_a_named_data_set_that_is_not_the_published_one(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "cifar10", classes=DATASETS["cifar10"].classes, count=1)
    found = checks("cifar10", image_request)
    assert [name for name, check in found.items() if not check.ok] == ["train images", "test images", "image size"]
    assert found["train images"].detail.endswith("; 50,000 were published")
    assert found["image size"].detail == "32 x 32; 20 images had another size"


def test_bytes_that_are_not_canonical_are_no_problem(
    image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "cifar10", replace(DATASETS["cifar10"], train_count=20, test_count=20))
    write_folder(image_request.data_dir / "cifar10", classes=DATASETS["cifar10"].classes, count=2, size=32)
    found = checks("cifar10", image_request)
    assert all(check.ok for check in found.values())
    assert found["canonical"].detail == "image folder: not as published"


def test_copies_that_were_published_are_no_problem(
    image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_folder(image_request.data_dir / "cifar10", classes=DATASETS["cifar10"].classes, size=32)
    for number in range(2):
        copied = (root / "train" / "cat" / f"000{number}.png").read_bytes()
        (root / "test" / "cat" / f"000{number}.png").write_bytes(copied)
    for known, ok in ((2, True), (1, False)):
        monkeypatch.setitem(DATASETS, "cifar10", replace(DATASETS["cifar10"], known_overlap=known))
        detail = f"2 test images are also training images ({known} as published)"
        assert checks("cifar10", image_request)["train/test overlap"] == Check("train/test overlap", ok, detail)


def test_images_that_are_not_square_can_be_checked_at_a_size(image_request: ImageRequest) -> None:
    Image.new("RGB", (30, 20)).save(write_folder(image_request.data_dir / "pets") / "train" / "cat" / "0000.png")
    with pytest.raises(SpecError):
        checks("pets", image_request)
    detail = "16 x 16; 12 images had another size"
    assert checks("pets", image_request, image_size=16)["image size"] == Check("image size", True, detail)


def test_a_data_set_that_cannot_be_opened(image_request: ImageRequest) -> None:
    with pytest.raises(DatasetError):
        checks("./none", image_request)
