"""A new dataset is a module with a function `find` and an entry in the registry: everything else finds it there."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.cli.conftest import Cli
from vitreport.data.arrays import Decoding, ImageSource, Split
from vitreport.data.registry import DATASETS, ImageRequest, PublishedDataset

CLASSES = ("stripes", "noise")
COUNTS = {"train": 40, "test": 20}


def find(_: ImageRequest) -> ImageSource:
    return ImageSource("generated", "toy 1", decode)


def decode() -> Decoding:
    images = {
        split: np.random.default_rng(count).integers(0, 256, (count, 3, 8, 8), np.uint8)
        for split, count in COUNTS.items()
    }
    labels = {split: np.arange(count) % 2 for split, count in COUNTS.items()}
    for split, of_split in images.items():
        of_split[labels[split] == 0, :, ::2] = 0
    return Decoding.of(CLASSES, {split: Split(images[split], labels[split]) for split in images}, canonical=True)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vitreport.data.toy")
    module.find = find  # type: ignore[attr-defined]
    dataset = PublishedDataset(
        name="toy",
        title="Toy",
        citation="",
        summary="stripes and noise",
        num_classes=2,
        image_size=8,
        stored_size=8,
        train_count=COUNTS["train"],
        test_count=COUNTS["test"],
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(DATASETS, "toy", dataset)


def test_a_new_data_set_is_listed_verified_and_trained_on(cli: Cli) -> None:
    assert "stripes and noise" in " ".join(cli("datasets", "list").stdout.split())
    checked = cli("datasets", "verify", "toy", "--json")
    assert checked.exit_code == 0
    details = {check["name"]: check["detail"] for check in json.loads(checked.stdout)["checks"]}
    assert details["canonical"].startswith("generated")
    small = ("--set", "patch_size=4", "--set", "embed_dim=8", "--set", "num_blocks=1")
    done = cli("train", "mlp-mixer", "--dataset", "toy", "--epochs", "1", "--batch-size", "8", *small)
    assert done.exit_code == 0, done.stderr
    data = json.loads((Path(done.stdout.strip()) / "run.json").read_text())["data"]
    assert (data["classes"], data["counts"]["test"], data["canonical"]) == (list(CLASSES), 20, True)
    assert "Toy" in cli("report", "--no-assets").stdout
