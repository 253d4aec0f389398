"""Mapped images are read through without staying in memory."""

import sys
from pathlib import Path

import numpy as np
import pytest

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
