"""A folder of the user's own: nothing was published of it, and its commands can be run."""

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import TINY
from tests.data.makers import write_folder

FLAGS = [option for option in TINY if "limit" not in option]


@pytest.fixture
def own(cli: Cli) -> Path:
    """The folder, with a run on it that was told where it is by a path."""
    folder = write_folder(Path("pictures/my cats"), count=12)
    done = cli("train", "perceiver-io", "--dataset", str(folder), *FLAGS, "--quiet")
    assert done.exit_code == 0, done.stderr
    return folder


def test_nothing_is_said_of_published_images(cli: Cli, own: Path) -> None:
    (run,) = [folder.name for folder in Path("runs").iterdir() if folder.is_dir()]
    documents = [cli("report", "--format", name).stdout for name in ("markdown", "html", "json", "latex")]
    documents += [cli("report", run, "--format", "model-card").stdout, cli("runs", "show", run).stdout]
    documents += [cli("eval", run, "--dataset", str(own)).stdout, cli("eval", run, "--data-dir", "pictures").stdout]
    for text in documents:
        assert text
        for wrong in ("not the published", "not as published", "published dataset", "published accuracies"):
            assert wrong not in text
    assert "own images" in documents[0]
    assert all("own images" in text for text in documents[-2:])


def test_the_command_of_a_report_can_be_run(cli: Cli, own: Path) -> None:
    """As it is printed, with the folder that holds the images in place of DIR; it comes to the run that is there."""
    (group,) = json.loads(cli("report", "--format", "json").stdout)["groups"]
    words = shlex.split(group["command"])
    assert words[:3] == ["vitreport", "train", "perceiver-io"]
    assert words[words.index("--data-dir") + 1] == "DIR"
    assert cli(*words[1:], "--dry-run").exit_code != 0
    done = cli(*(str(own.parent) if word == "DIR" else word for word in words[1:]))
    assert done.exit_code == 0
    assert "is already done" in done.stderr
    for name in ("markdown", "html"):
        assert (
            "Replace DIR in a command with the directory that contains my cats"
            in cli("report", "--format", name).stdout
        )


def test_a_pair_that_has_not_been_run_has_such_a_command_too(cli: Cli, own: Path) -> None:
    assert (
        cli(
            "train",
            "perceiver",
            "--dataset",
            "digits",
            "--epochs",
            "1",
            "--set",
            "limit=50",
            "--set",
            "batch_size=25",
            "--set",
            "model.depth=1",
            "--set",
            "image_size=8",
            "--quiet",
        ).exit_code
        == 0
    )
    cells = json.loads(cli("report", "--format", "json").stdout)["pairs"]
    commands = {cell["dataset"]: cell["command"] for cell in cells if cell["group"] is None}
    assert commands["my cats"] == "vitreport train perceiver --dataset 'my cats' --data-dir DIR"
    assert commands["digits"] == "vitreport train perceiver-io --dataset digits"
    words = [str(own.parent) if word == "DIR" else word for word in shlex.split(commands["my cats"])[1:]]
    assert cli(*words, "--set", "batch_size=4", "--dry-run").exit_code == 0


def test_the_size_of_other_images_is_part_of_the_command(cli: Cli, own: Path) -> None:
    """The first image may have another size when somebody else runs it."""
    (group,) = json.loads(cli("report", "--format", "json").stdout)["groups"]
    assert f"image_size={group['fields']['data.image_size']}" in shlex.split(group["command"])


def test_an_evaluation_asks_for_the_path_of_the_folder(cli: Cli, own: Path) -> None:
    (run,) = [folder.name for folder in Path("runs").iterdir() if folder.is_dir()]
    done = cli("eval", run)
    assert done.exit_code == 3
    assert done.stderr.endswith("hint: use --dataset with the path of my cats\n")
