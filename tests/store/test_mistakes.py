"""The contact sheet: what it shows, how large it is, and what is refused when a record comes from elsewhere."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitreport.records.measurement import LARGEST_SIDE, MOST_MISTAKES, Mistake, MistakeSheet
from vitreport.records.reader import Damage
from vitreport.store.mistakes import GAP, MOST_BYTES, draw_sheet, place_of, read_sheet

COUNT = 8


def images(size: int, count: int = COUNT, *, noise: bool = False) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Each of one colour, or noise, which cannot be packed."""
    if noise:
        return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    colors = np.arange(3 * count, dtype=np.uint8).reshape(count, 3, 1, 1)
    return np.broadcast_to(colors, (count, 3, size, size)).copy()


def record_of(side: int, content: bytes, count: int = COUNT) -> MistakeSheet:
    mistakes = tuple(Mistake(index=place, label=1, predicted=2, confidence=0.9) for place in range(count))
    return MistakeSheet(images=mistakes, side=side, sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(("size", "side"), [(1, 64), (8, 64), (28, 56), (32, 64), (48, 48), (64, 64), (96, 64)])
def test_images_stand_in_their_places_with_their_colours(size: int, side: int) -> None:
    drawn, content = draw_sheet(images(size))
    assert drawn == side
    sheet = Image.open(io.BytesIO(content))
    assert sheet.size == (6 * side + 5 * GAP, 2 * side + GAP)
    for number in range(COUNT):
        left, upper = place_of(number, side)
        corners = [sheet.getpixel((left + dx, upper + dy)) for dx in (0, side - 1) for dy in (0, side - 1)]
        assert corners == [(3 * number, 3 * number + 1, 3 * number + 2, 255)] * 4
    assert sheet.getpixel((side, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("size", [8, 32, 64, 96, 224])
def test_the_hardest_images_make_a_small_sheet(size: int) -> None:
    side, content = draw_sheet(images(size, MOST_MISTAKES, noise=True))
    assert side <= LARGEST_SIDE
    assert len(content) <= MOST_BYTES


def test_the_same_images_give_the_same_bytes() -> None:
    assert draw_sheet(images(64, noise=True)) == draw_sheet(images(64, noise=True))


def test_a_sheet_is_read_as_it_was_written(tmp_path: Path) -> None:
    side, content = draw_sheet(images(32))
    damage: list[Damage] = []
    assert read_sheet(tmp_path, record_of(side, content), damage) is None
    (tmp_path / "mistakes.png").write_bytes(content)
    assert read_sheet(tmp_path, record_of(side, content), damage) == content
    assert damage == []


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    content = draw_sheet(images(32))[1] + bytes(2**18)
    (tmp_path / "mistakes.png").write_bytes(content)
    damage: list[Damage] = []
    assert read_sheet(tmp_path, record_of(64, content), damage) is None
    assert damage == [Damage("mistakes.png", "is larger than 0.25 MiB")]


def test_another_sheet_than_that_of_the_result_is_named(tmp_path: Path) -> None:
    side, content = draw_sheet(images(32))
    (tmp_path / "mistakes.png").write_bytes(draw_sheet(images(32, noise=True))[1])
    damage: list[Damage] = []
    assert read_sheet(tmp_path, record_of(side, content), damage) is None
    assert damage == [Damage("mistakes.png", "differs from the file that result.json names (sha256)")]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    side, content = draw_sheet(images(32))
    path, outside = tmp_path / "mistakes.png", tmp_path / "secret.png"
    outside.write_bytes(content)
    places: list[tuple[Callable[[], None], str]] = [
        (lambda: path.symlink_to(outside), "is a link, which is not followed"),
        (lambda: path.symlink_to("/dev/zero"), "is a link, which is not followed"),
        (lambda: os.mkfifo(path), "is not a regular file"),
    ]
    for put, told in places:
        put()
        damage: list[Damage] = []
        assert read_sheet(tmp_path, record_of(side, content), damage) is None
        assert damage == [Damage("mistakes.png", told)]
        path.unlink()
