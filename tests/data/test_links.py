import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vitreport.data.registry import ImageRequest
from vitreport.errors import DatasetError

from .makers import count_folder, open_folder, write_folder


@pytest.mark.parametrize("place", ["train", "train/dog", "train/cat/0001.png"])
def test_links_to_other_places_are_followed(
    tmp_path: Path, image_request: ImageRequest, place: str, told: list[str]
) -> None:
    root = write_folder(tmp_path / "set")
    plain = open_folder(root, image_request).fingerprint
    target = tmp_path / "elsewhere"
    (root / place).rename(target)
    (root / place).symlink_to(target)
    assert open_folder(root, image_request).fingerprint == plain
    assert count_folder(root) == {"train": 6, "test": 6}
    assert told == []


def test_a_changed_target_is_decoded_again(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    file, target = root / "train/cat/0000.png", tmp_path / "elsewhere.png"
    file.rename(target)
    file.symlink_to(target)
    before = open_folder(root, image_request).fingerprint
    target.write_bytes((root / "test/cat/0000.png").read_bytes())
    assert open_folder(root, image_request).fingerprint != before


def dead_image(root: Path) -> None:
    (root / "train" / "cat" / "9.png").symlink_to("/nowhere/9.png")


def dead_images(root: Path) -> None:
    for file in (root / "train" / "cat").iterdir():
        file.unlink()
    for number in range(5):
        (root / "train" / "cat" / f"{number}.png").symlink_to("/nowhere")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (dead_image, r"train/cat/9.png \(is missing\)"),
        (dead_images, r"5 of 14 images cannot be decoded: train/cat/0.png \(is missing\), "),
    ],
)
def test_a_dead_link_is_named(
    tmp_path: Path, image_request: ImageRequest, damage: Callable[[Path], None], words: str
) -> None:
    root = write_folder(tmp_path / "set")
    damage(root)
    with pytest.raises(DatasetError, match=words) as error:
        open_folder(root, image_request)
    assert "dvc pull" in error.value.hint


def test_links_to_one_another_are_named(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train" / "cat" / "a.png").symlink_to("b.png")
    (root / "train" / "cat" / "b.png").symlink_to("a.png")
    with pytest.raises(DatasetError, match=r"train/cat/[ab]\.png cannot be read: too many levels"):
        open_folder(root, image_request)


def test_a_dead_link_to_a_class_folder_is_told(tmp_path: Path, image_request: ImageRequest, told: list[str]) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train" / "emu").symlink_to("/nowhere/emu")
    open_folder(root, image_request)
    assert told == [f"{root}: ignored train/emu"]


def test_a_link_to_a_folder_above_ends(tmp_path: Path, image_request: ImageRequest, told: list[str]) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train" / "cat" / "up").symlink_to(root)
    assert len(open_folder(root, image_request).splits["train"].labels) == 6
    (line,) = told
    assert line.startswith(f"{root}: ignored train/cat/up/")


@pytest.mark.parametrize("layout", ["splits", "table"])
def test_what_is_no_part_of_the_dataset_does_no_harm(
    tmp_path: Path, image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    root = write_folder(tmp_path / "set")
    if layout != "splits":
        (root / "train").rename(root / "images")
        (root / "test").rename(root / ".test")
        names = [f"images/{name}/{number:04}.png,{name}" for name in ("cat", "dog") for number in range(3)]
        (root / "labels.csv").write_text("\n".join(["file,label", *names]))
    deep = root / "notes" / "1" / "2" / "3" / "4" / "5"
    deep.mkdir(parents=True)
    (root / "notes" / "dead").symlink_to("/nowhere")
    (root / "dead").symlink_to("/nowhere")
    (root / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "closed")
    entered: list[Path] = []
    scan = os.scandir

    def scandir(path: Path) -> Iterator[os.DirEntry[str]]:
        entered.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert open_folder(root, image_request).classes == ("cat", "dog")
    assert not {deep, root / "closed"} & set(entered)
