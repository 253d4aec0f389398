"""Mapped images are read through without staying in memory."""

import sys
import tracemalloc
from itertools import count as count_from
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from vitreport.data import archive, folder
from vitreport.data.archive import Tree
from vitreport.data.arrays import BLOCK_IMAGES, Decoding, Split, fingerprint, image_facts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
COUNT, SIZE = 2 * BLOCK_IMAGES + 500, 16


def resident(path: Path) -> int:
    """The kilobytes of a mapped file that are in memory."""
    entries = Path("/proc/self/smaps").read_text().split(str(path))[1:]
    return sum(int(entry.partition("Rss:")[2].split()[0]) for entry in entries)


@pytest.fixture
def mapped(tmp_path: Path) -> tuple[Path, dict[str, Split]]:
    path, shape = tmp_path / "images.bin", (COUNT, 3, SIZE, SIZE)
    path.write_bytes(np.random.default_rng(0).integers(0, 256, shape, np.uint8).tobytes())
    split = Split(np.memmap(path, np.uint8, "c", shape=shape), np.arange(COUNT) % 10)
    return path, {"train": split, "test": Split(np.array(split.images[:10]), split.labels[:10])}


def test_hashing_leaves_no_images_in_memory(mapped: tuple[Path, dict[str, Split]]) -> None:
    path, splits = mapped
    assert splits["train"].images.sum() > 0
    assert resident(path) >= splits["train"].images.nbytes // 1024
    fingerprint(["a"], {"train": splits["train"]})
    assert resident(path) == 0


def test_describing_leaves_no_images_in_memory(mapped: tuple[Path, dict[str, Split]]) -> None:
    path, splits = mapped
    decoding = Decoding(("a",) * 10, {}, iter(()), canonical=False)
    facts = image_facts("generated", decoding, splits, 0)
    assert facts.overlaps == {"train/test": 10}
    assert resident(path) == 0


MAX_BYTES_AN_IMAGE = 400
"""For the index of a folder at its peak: paths and labels in lists. 1.2 million images take less than 0.5 GB."""


def refuse_to_open(path: str) -> BinaryIO:
    raise AssertionError(path)


def index_bytes(count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """The peak of listing a generated folder and of identifying it."""
    tracemalloc.start()
    try:
        files = [f"{split}/class{i % 100:03d}/{i:08d}.jpg" for split in ("test", "train") for i in range(count // 2)]
        monkeypatch.setattr(folder, "disk_tree", lambda root: Tree(str(root), files, refuse_to_open))
        numbers = count_from(10**18)
        monkeypatch.setattr(folder, "_state", lambda path: tuple(next(numbers) for _ in range(5)))
        folder.image_source(folder.read_folder(Path("/nowhere")), 32)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_index_needs_few_bytes_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least of two counts: where Python's table of interned names grows, as between tests, it counts, too."""
    small, large = (min(index_bytes(count, monkeypatch) for _ in range(2)) for count in (2_000, 10_000))
    assert (large - small) / 8_000 < MAX_BYTES_AN_IMAGE


def test_a_folder_is_listed_in_the_order_of_its_paths(tmp_path: Path) -> None:
    names = ["b/x.png", "b/a/z.png", "b.png", "b a/y.png", "a.png", "B/x.png", "b/empty/"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(b"")
    assert archive.disk_tree(tmp_path).files == sorted(names, key=archive.PARTS)
