"""Miniatures of Tiny ImageNet in its own layout and as an archive."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import ImageRequest

from .makers import noise, open_named, republish, write_zip

WNIDS = ("n02124075", "n04067472", "n00001930")
WORDS = {"n02124075": "Egyptian cat", "n04067472": "reel, fishing reel", "n00001930": "reel"}


def opened(image_request: ImageRequest) -> ImageArrays:
    return open_named("tinyimagenet", image_request)


def publish(path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the archive of the folder `root` at `path` the published one."""
    republish("tinyimagenet", monkeypatch, md5=write_zip(path, root), size=path.stat().st_size)
    return path


def write_tiny(root: Path, wnids: Sequence[str] = WNIDS, *, count: int = 2) -> Path:
    """Tiny ImageNet's layout with `count` JPEG files of 64 x 64 a class and split; the first of each class is grey."""
    root.mkdir(parents=True)
    (root / "wnids.txt").write_text("\n".join(wnids))
    others = "n00000001\tentity\n", "n00000002\tphysical entity\n"
    (root / "words.txt").write_text("".join([others[0], *(f"{wnid}\t{WORDS[wnid]}\n" for wnid in wnids), others[1]]))
    for label, wnid in enumerate(wnids):
        folder = root / "train" / wnid / "images"
        folder.mkdir(parents=True)
        (folder.parent / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t10\t63\t58\n")
        for index in range(count):
            write_photograph(folder / f"{wnid}_{index}.JPEG", seed=count * label + index, grey=index == 0)
    _write_validation(root / "val", wnids, count)
    (root / "test" / "images").mkdir(parents=True)
    write_photograph(root / "test" / "images" / "test_0.JPEG", seed=99)
    return root


def _write_validation(home: Path, wnids: Sequence[str], count: int) -> None:
    """Images in the order of their names, the classes taking turns from the last to the first."""
    (home / "images").mkdir(parents=True)
    lines = []
    for index in range(count * len(wnids)):
        write_photograph(home / "images" / f"val_{index}.JPEG", seed=1000 + index, grey=index == 0)
        lines.append(f"val_{index}.JPEG\t{wnids[-1 - index % len(wnids)]}\t0\t32\t44\t62\n")
    (home / "val_annotations.txt").write_text("".join(lines))


def write_photograph(path: Path, *, seed: int, grey: bool = False) -> None:
    coarse = Image.fromarray(noise(seed, 4)).resize((64, 64), Image.Resampling.BICUBIC)
    coarse.convert("L" if grey else "RGB").save(path, format="JPEG")
