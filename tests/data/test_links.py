from collections.abc import Callable
from pathlib import Path

import pytest

from vitreport.data import folder
from vitreport.data.cache import ImageArrays, Places, cached
from vitreport.data.folder import count_images
from vitreport.errors import DatasetError

from .makers import write_folder


def opened(root: Path, places: Places) -> ImageArrays:
    return cached("set", 8, folder.find_in(root, 8, places.notify), places)


@pytest.mark.parametrize("place", ["train", "train/dog", "train/cat/0001.png"])
def test_links_to_other_places_are_followed(tmp_path: Path, places: Places, place: str, told: list[str]) -> None:
    root = write_folder(tmp_path / "set")
    plain = opened(root, places).fingerprint
    target = tmp_path / "elsewhere"
    (root / place).rename(target)
    (root / place).symlink_to(target)
    assert opened(root, places).fingerprint == plain
    assert count_images(root) == {"train": 6, "test": 6}
    assert told == []


def test_a_changed_target_is_decoded_again(tmp_path: Path, places: Places) -> None:
    root = write_folder(tmp_path / "set")
    file, target = root / "train/cat/0000.png", tmp_path / "elsewhere.png"
    file.rename(target)
    file.symlink_to(target)
    before = opened(root, places).fingerprint
    target.write_bytes((root / "test/cat/0000.png").read_bytes())
    assert opened(root, places).fingerprint != before


def dead_image(root: Path) -> None:
    (root / "train" / "cat" / "9.png").symlink_to("/nowhere/9.png")


def dead_class(root: Path) -> None:
    for split in ("train", "test"):
        (root / split / "emu").symlink_to("/nowhere/emu")


def dead_split(root: Path) -> None:
    (root / "val").symlink_to("/nowhere/val")


def dead_images(root: Path) -> None:
    for file in (root / "train" / "cat").iterdir():
        file.unlink()
    for number in range(5):
        (root / "train" / "cat" / f"{number}.png").symlink_to("/nowhere")


def circle(root: Path) -> None:
    (root / "train" / "cat" / "a.png").symlink_to("b.png")
    (root / "train" / "cat" / "b.png").symlink_to("a.png")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (dead_image, "train/cat/9.png is a dead link"),
        (dead_class, "train/emu is a dead link"),
        (dead_split, "val is a dead link"),
        (dead_images, r"train/cat/0.png, .* are dead links \(5 in all\)"),
        (circle, "train/cat/a.png, train/cat/b.png are dead links"),
    ],
)
def test_a_dead_link_is_named(tmp_path: Path, places: Places, damage: Callable[[Path], None], words: str) -> None:
    root = write_folder(tmp_path / "set")
    damage(root)
    with pytest.raises(DatasetError, match=words) as error:
        opened(root, places)
    assert "dvc pull" in error.value.hint


def test_a_link_to_a_folder_above_ends(tmp_path: Path, places: Places, told: list[str]) -> None:
    root = write_folder(tmp_path / "set")
    (root / "train" / "cat" / "up").symlink_to(root)
    assert len(opened(root, places).splits["train"].labels) == 6
    assert told == [f"{root}: ignored 1 other file (train/cat/up)"]


def test_a_text_is_never_read_through_a_link_to_another_place(tmp_path: Path, places: Places) -> None:
    root = tmp_path / "set"
    write_folder(root / ".hidden")
    (tmp_path / "secret.csv").write_text("file,label\na,b\n")
    (root / "labels.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(DatasetError, match=r"labels\.csv is a link out of the data set"):
        opened(root, places)
