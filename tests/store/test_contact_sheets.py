"""Contact sheets: what they show, how large they are, and what is refused when a record comes from elsewhere."""

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.records import small_spec, write_run
from vitreport.records.attention import AttentionRecord
from vitreport.records.measurement import (
    MAX_MISTAKES,
    MAX_TILE,
    ClassifiedImage,
    MistakeSheet,
    ResultRecord,
    packed,
)
from vitreport.records.reader import Damage, read_run
from vitreport.report.figures.colors import LIGHT
from vitreport.store import contact_sheets
from vitreport.store.contact_sheets import (
    GAP,
    MAX_OPACITY,
    MAX_SHEET_BYTES,
    TINT,
    draw_sheet,
    place_of,
    read_attention,
    read_sheet,
    write_attention,
)

COUNT = 8


def images(size: int, count: int = COUNT, *, noise: bool = False) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Each of one colour, or noise, which cannot be packed."""
    if noise:
        return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    colors = np.arange(3 * count, dtype=np.uint8).reshape(count, 3, 1, 1)
    return np.broadcast_to(colors, (count, 3, size, size)).copy()


def read(folder: Path, content: bytes) -> tuple[bytes | None, list[Damage]]:
    """What is read of mistakes.png by a record of `content`, and what is wrong with it."""
    damage: list[Damage] = []
    return read_sheet(folder / "mistakes.png", hashlib.sha256(content).hexdigest(), "result.json", damage), damage


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
    side, content = draw_sheet(images(size, MAX_MISTAKES, noise=True))
    assert side <= MAX_TILE
    assert len(content) <= MAX_SHEET_BYTES


def test_the_same_images_give_the_same_bytes() -> None:
    assert draw_sheet(images(64, noise=True)) == draw_sheet(images(64, noise=True))


def test_a_sheet_is_read_as_it_was_written(tmp_path: Path) -> None:
    _, content = draw_sheet(images(32))
    assert read(tmp_path, content) == (None, [])
    (tmp_path / "mistakes.png").write_bytes(content)
    assert read(tmp_path, content) == (content, [])


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    content = draw_sheet(images(32))[1] + bytes(2**18)
    (tmp_path / "mistakes.png").write_bytes(content)
    assert read(tmp_path, content) == (None, [Damage("mistakes.png", "is larger than 0.25 MiB")])


def test_another_sheet_than_that_of_the_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "mistakes.png").write_bytes(draw_sheet(images(32, noise=True))[1])
    fault = "differs from the file that result.json names (sha256)"
    assert read(tmp_path, draw_sheet(images(32))[1]) == (None, [Damage("mistakes.png", fault)])


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    _, content = draw_sheet(images(32))
    path, outside = tmp_path / "mistakes.png", tmp_path / "secret.png"
    outside.write_bytes(content)
    places: list[tuple[Callable[[], None], str]] = [
        (lambda: path.symlink_to(outside), "is a link, which is not followed"),
        (lambda: path.symlink_to("/dev/zero"), "is a link, which is not followed"),
        (lambda: os.mkfifo(path), "is not a regular file"),
    ]
    for put, told in places:
        put()
        assert read(tmp_path, content) == (None, [Damage("mistakes.png", told)])
        path.unlink()


MAPS = np.array([[[0, 0.5], [1, 0.25]]] * COUNT, np.float32)
SHOWN = [ClassifiedImage(index=i, label=i % 2, predicted=1, confidence=0.9) for i in range(COUNT)]


def test_each_image_is_beside_itself_under_its_map() -> None:
    side, content = draw_sheet(images(16), MAPS)
    sheet = np.asarray(Image.open(io.BytesIO(content))).astype(int)
    assert (side, sheet.shape) == (64, (3 * 64 + 2 * 8, 3 * 132 + 2 * 8, 4))
    assert "#{:02x}{:02x}{:02x}".format(*TINT) == LIGHT["vermillion"]
    for number in range(COUNT):
        left, upper = place_of(number, side, tiles=2)
        first, beside = (sheet[upper : upper + side, start : start + side, :3] for start in (left, left + side + GAP))
        assert (first == [3 * number, 3 * number + 1, 3 * number + 2]).all()
        for row, column in np.ndindex(2, 2):
            opacity = MAX_OPACITY * MAPS[number, row, column]
            color = (1 - opacity) * (3 * number + 1) + opacity * np.array(TINT)
            part = beside[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32]
            assert np.abs(part - color).max() <= 0.5


@pytest.mark.parametrize("size", [8, 32, 48, 64, 224])
def test_the_hardest_maps_make_a_small_sheet(size: int) -> None:
    maps = np.random.default_rng(1).random((MAX_MISTAKES, size, size), np.float32)
    pixels = images(size, MAX_MISTAKES, noise=True)
    side, content = draw_sheet(pixels, maps)
    assert side <= MAX_TILE
    assert len(content) < 110_000
    assert draw_sheet(pixels, maps)[1] == content


@pytest.fixture
def attended(tmp_path: Path) -> tuple[Path, ResultRecord]:
    """A run with a record of its attention, and its result."""
    run = write_run(tmp_path, small_spec())
    result = read_run(run).result
    assert result
    write_attention(run, result.weights_sha256, "A method", SHOWN, images(8), MAPS)
    return run, result


def test_attention_is_read_as_it_was_written(attended: tuple[Path, ResultRecord]) -> None:
    run, result = attended
    damage: list[Damage] = []
    found = read_attention(run, result, damage)
    assert found
    assert damage == []
    record, content = found
    assert (record.method, record.images, record.side) == ("A method", tuple(SHOWN), 64)
    assert content == (run / "attention.png").read_bytes()
    assert {each.name for each in run.iterdir()} - {"attention.png", "attention.json"} == {
        "spec.json",
        "run.json",
        "metrics.jsonl",
        "result.json",
    }
    (run / "attention.png").unlink()  # not to be published
    assert read_attention(run, result, damage) is None
    (run / "attention.json").unlink()
    assert read_attention(run, result, damage) is None
    assert damage == []


def change_record(run: Path, **changes: object) -> None:
    path = run / "attention.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("break_", "place", "reason"),
    [
        (
            lambda run: (run / "attention.png").write_bytes(b"\x89PNG"),
            "attention.png",
            "differs from the file that att",
        ),
        (lambda run: (run / "attention.png").write_bytes(bytes(2**18 + 1)), "attention.png", "is larger than 0.25 MiB"),
        (lambda run: os.truncate(run / "attention.json", 100), "attention.json", "Invalid JSON"),
        (lambda run: (run / "attention.json").write_bytes(b" " * (2**18 + 1)), "attention.json", "is larger than 0.25"),
        (lambda run: change_record(run, side=65), "attention.json", "side: Input should be less than or equal to 64"),
        (lambda run: change_record(run, images=[]), "attention.json", "images: "),
        (
            lambda run: change_record(run, schema_version=3),
            "attention.json",
            "has schema version 3, written by a",
        ),
        (lambda run: change_record(run, weights_sha256="1" * 64), "attention.json", "is of other weights than result."),
        (lambda run: change_record(run, sha256="0" * 64), "attention.png", "differs from the file that attention.json"),
    ],
)
def test_damaged_attention_is_named(
    attended: tuple[Path, ResultRecord], break_: Callable[[Path], object], place: str, reason: str
) -> None:
    run, result = attended
    damage: list[Damage] = []
    break_(run)
    assert read_attention(run, result, damage) is None
    assert [(each.place, each.reason[: len(reason)]) for each in damage] == [(place, reason)]


@pytest.mark.parametrize("lie", [{"index": 360}, {"label": 10}, {"predicted": 10}, {"predicted": 1}], ids=str)
def test_attention_that_contradicts_the_result_is_named(
    attended: tuple[Path, ResultRecord], lie: dict[str, int]
) -> None:
    """Of image 0, which is wrong in the result."""
    run, result = attended
    told = result.model_copy(update={"correct": packed([False] + [True] * 180 + [False] * 179)})
    damage: list[Damage] = []
    change_record(run, images=[{**SHOWN[1].stored(), "index": 0, "label": 1, "predicted": 0}])
    assert read_attention(run, told, damage)
    change_record(run, images=[{**SHOWN[1].stored(), "index": 0, "label": 1, "predicted": 0, **lie}])
    assert read_attention(run, told, damage) is None
    fault = f"image {lie.get('index', 0)} is unknown, or result.json says otherwise"
    assert damage == [Damage("attention.json", fault)]


@pytest.mark.parametrize("lie", [{"label": 3}, {"predicted": 2}], ids=str)
def test_attention_that_contradicts_the_mistakes_is_named(
    attended: tuple[Path, ResultRecord], lie: dict[str, int]
) -> None:
    """A report shows both: of image 0, which an older record does not call correct or wrong."""
    run, result = attended
    mistake = ClassifiedImage(index=0, label=1, predicted=0, confidence=0.9)
    told = result.model_copy(update={"mistakes": MistakeSheet(images=(mistake,), side=1, sha256="")})
    damage: list[Damage] = []
    change_record(run, images=[mistake.stored()])
    assert read_attention(run, told, damage)
    change_record(run, images=[{**mistake.stored(), **lie}])
    assert read_attention(run, told, damage) is None
    assert damage == [Damage("attention.json", "image 0 is unknown, or result.json says otherwise")]


def test_a_crash_between_the_files_leaves_no_record(
    attended: tuple[Path, ResultRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, result = attended

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(contact_sheets, "write_json", crash)
    with pytest.raises(KeyboardInterrupt):
        write_attention(run, result.weights_sha256, "Another method", SHOWN, images(8, noise=True), MAPS)
    damage: list[Damage] = []
    assert read_attention(run, result, damage) is None
    assert damage == []


def test_a_record_of_attention_has_no_paths(attended: tuple[Path, ResultRecord]) -> None:
    run, _ = attended
    assert set(AttentionRecord.model_fields) == {
        "schema_version",
        "method",
        "images",
        "side",
        "sha256",
        "weights_sha256",
    }
    assert str(run.parent) not in (run / "attention.json").read_text()
