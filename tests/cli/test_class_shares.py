"""A folder of few and unequal images, from the training to the report: what is warned of and what is not claimed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import TINY
from tests.data.makers import write_folder

FLAGS = [option for option in TINY if "limit" not in option]
SEEDS = ("0", "1")


def write_unequal() -> Path:
    """36 cats and 12 dogs to train on, 4 cats and 12 dogs to test on."""
    folder = write_folder(Path("mine"), count=12)
    for image in list((folder / "train/cat").iterdir()):
        for copy in (1, 2):
            shutil.copy(image, image.with_name(f"{image.stem}-{copy}.png"))
    for image in sorted((folder / "test/cat").iterdir())[4:]:
        image.unlink()
    return folder


@pytest.fixture
def warned(cli: Cli) -> str:
    folder = write_unequal()
    done = [cli("train", "perceiver-io", "--dataset", f"./{folder}", *FLAGS, "--seed", seed) for seed in SEEDS]
    assert [each.exit_code for each in done] == [0, 0]
    return " ".join(done[0].stderr.split())


def test_training_warns_and_the_report_says_it_too(cli: Cli, warned: str) -> None:
    told = "1 of 2 classes has fewer than 20 training images (the fewest: 11 of dog)"
    assert f"warning: {told}; 2 of 2 classes have fewer than 20 test images (the fewest: 4 of cat)" in warned
    for name in ("markdown", "html", "json"):
        text = cli("report", "--format", name).stdout
        assert told in text or name == "json"
    (dataset,) = json.loads(cli("report", "--format", "json").stdout)["datasets"]
    assert dataset["class_sizes"].startswith(told)


@pytest.mark.usefixtures("warned")
def test_nothing_is_said_of_over_fitting_over_other_class_shares(cli: Cli) -> None:
    found = json.loads(cli("report", "--format", "json").stdout)
    assert "over-fitting" not in {each["rule"] for each in found["findings"]}
    assert "over-fits" not in cli("report").stdout


@pytest.mark.usefixtures("warned")
def test_a_record_that_does_not_count_classes_claims_nothing(cli: Cli) -> None:
    """As those that were written before they were counted."""
    for file in Path("runs").glob("*/run.json"):
        record = json.loads(file.read_text())
        assert record["data"]["class_counts"]["test"] == [4, 12]
        del record["data"]["class_counts"]
        file.write_text(json.dumps(record))
    found = json.loads(cli("report", "--format", "json").stdout)
    rules = {each["rule"] for each in found["findings"]}
    assert "over-fitting" not in rules
