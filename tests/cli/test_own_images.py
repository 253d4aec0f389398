"""Folders of the user's own images, from `train` to the record."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.commands import Completed
from tests.data.makers import write_folder, write_images

SMALL = ("--set", "patch_size=4", "--set", "embed_dim=8", "--set", "num_blocks=1", "--epochs", "1", "--batch-size", "4")


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("VITREPORT_RUNS_DIR", str(tmp_path / "runs"))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder with 8 training, 4 validation and 6 test images."""
    root = write_folder(tmp_path / "pets", count=4)
    for number, name in enumerate(("cat", "dog")):
        write_images(root / "val" / name, 2, seed=100 + 10 * number)
    return root


def train(cli: Cli, root: Path, *options: str) -> Completed:
    return cli("train", "mlp-mixer", "--dataset", str(root), *SMALL, "--threads", "1", *options)


def record(done: Completed) -> dict[str, Any]:
    """The record of a run that has finished."""
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads((Path(done.stdout.strip()) / "run.json").read_text())
    return found


def spec_of(done: Completed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(done.stdout.strip()) / "spec.json").read_text())
    return found


def test_validation_images_of_the_user_choose_the_epoch(cli: Cli, pets: Path) -> None:
    done = train(cli, pets)
    data = record(done)["data"]
    assert data["counts"] == {"train": 8, "val": 4, "test": 8}
    assert data["source"] == "image folder; validation split: val"
    assert "pets: image folder; validation split: val" in done.stderr
    spec = spec_of(done)["data"]
    assert (spec["validation"], spec["validation_fraction"]) == ("folder", 0.0)
    run = Path(done.stdout.strip())
    measured = cli("eval", str(run), "--split", "val", "--data-dir", str(pets.parent), "--json")
    found = json.loads(measured.stdout)
    assert (measured.exit_code, found["measurement"]["count"]) == (0, 4)
    assert found["recorded"] == found["measurement"]


def test_held_out_images_instead_of_those_of_the_user(cli: Cli, pets: Path) -> None:
    options = ("--set", "validation=fraction", "--set", "validation_fraction=0.25")
    assert record(train(cli, pets, *options))["data"]["counts"] == {"train": 6, "val": 2, "test": 8}


def test_a_fraction_beside_validation_images_is_an_error(cli: Cli, pets: Path) -> None:
    done = train(cli, pets, "--set", "validation_fraction=0.2")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: data.validation_fraction = 0.2: the dataset has validation images, so none are held out of the "
        'training images (from --set); hint: leave it out, or set data.validation to "fraction" to ignore the '
        "validation images\n"
    )


def test_validation_images_that_are_not_there(cli: Cli, tmp_path: Path) -> None:
    done = train(cli, write_folder(tmp_path / "pets"), "--set", "validation=folder")
    assert (done.exit_code, done.stderr.count("error:")) == (2, 1)
    assert 'data.validation = "folder": pets has no validation images' in done.stderr


def test_a_plan_counts_the_validation_images(cli: Cli, pets: Path) -> None:
    done = train(cli, pets, "--dry-run", "--json")
    assert json.loads(done.stdout)["plan"]["images"] == {"train": 8, "val": 4, "test": 8}


def test_a_split_made_by_vitreport_is_recorded(cli: Cli, tmp_path: Path) -> None:
    for number, name in enumerate(("cat", "dog")):
        write_images(tmp_path / "pets" / name, 10, seed=100 * number)
    one, other = (record(train(cli, tmp_path / "pets", "--seed", seed))["data"] for seed in ("1", "2"))
    words = "image folder; split made by vitreport: 20% of each class for testing, seed 0"
    assert one["source"] == other["source"] == words
    assert one["fingerprint"] == other["fingerprint"]
    report = cli("report", "--no-assets")
    assert words in report.stdout


def test_the_size_of_the_first_image_is_told(cli: Cli, tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pets", count=4, size=40)
    write_images(root / "train" / "cat", 1)
    done = train(cli, root)
    assert "15 of 16 images are resized to 8 x 8; hint: --set image_size=N" in done.stderr


@pytest.mark.parametrize("size", [1100, 4])
def test_a_first_image_that_is_too_large_or_too_small_is_named(cli: Cli, tmp_path: Path, size: int) -> None:
    root = write_folder(tmp_path / "pets")
    Image.new("RGB", (size, size)).save(root / "train" / "cat" / "0000.png")
    done = train(cli, root)
    fault = f"error: data.image_size: the first image, train/cat/0000.png, is {size} x {size} pixels, not a square of"
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{fault} 8 to 1024 pixels; hint: set image_size to choose the size, such as 64")


def test_all_damaged_images_can_be_listed(cli: Cli, tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pets", count=6)
    damaged = sorted(root.rglob("*.png"))[::2]
    for path in damaged:
        path.write_bytes(b"x")
    paths = {str(path.relative_to(root)) for path in damaged}
    done = cli("datasets", "verify", str(root), "--json")
    (check,) = json.loads(done.stdout)["checks"]
    assert done.exit_code == 3
    assert {item.partition(" (")[0] for item in check["items"]} == paths
    assert check["detail"].startswith("12 of 24 images cannot be decoded: ")
    text = cli("datasets", "verify", str(root)).stdout
    assert "and 9 more" in " ".join(text.split())
    refused = train(cli, root, "--set", "image_size=8")
    assert "12 of 24 images cannot be decoded" in refused.stderr
    assert "datasets verify" in refused.stderr
