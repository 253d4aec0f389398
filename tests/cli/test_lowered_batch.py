"""A limit lowers the batch size of a preset, or the default, to the training images that it leaves."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

QUICK = ("--set", "epochs=1", "--set", "limit=500")
LINE = "lowered train.batch_size from {} to {}: data.limit leaves fewer training images than one batch\n"
PARTS = """
title = "t"
[runs.mixer]
model = "mlp-mixer"
dataset = "cifar10"
[runs.swin]
model = "swin"
dataset = "cifar10"
[ablations.batch]
model = "perceiver-io"
dataset = "cifar10"
params.batch_size = [64, 128]
"""


def spec_of(cli: Cli, *arguments: str) -> tuple[dict[str, dict[str, object]], str]:
    done = cli("spec", "show", "--json", *arguments)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("arguments", "before", "after"),
    [
        (["swin", "--dataset", "cifar10", "--set", "limit=1000"], 1024, 1000),
        (["mlp-mixer", "--dataset", "cifar10", "--set", "limit=100"], 512, 100),
        (["--preset", "perceiver-io-digits", "--dataset", "digits", "--set", "limit=20"], 64, 18),
        (["perceiver", "--dataset", "stl10", "--set", "limit=10"], None, 10),
    ],
)
def test_a_limit_lowers_the_batch_size_of_a_preset(
    arguments: list[str], before: int | None, after: int, cli: Cli
) -> None:
    spec, told = spec_of(cli, *arguments)
    fraction = spec["data"]["validation_fraction"]
    limit = spec["data"]["limit"]
    assert isinstance(limit, int)
    assert isinstance(fraction, float | int)
    images = limit - round(fraction * limit)
    assert spec["train"]["batch_size"] == images == (after if before else images)
    assert told == LINE.format(before, images) if before else "lowered train.batch_size from" in told


def test_it_says_so_and_the_origin_tells(cli: Cli) -> None:
    done = cli("train", "perceiver-io", "--dataset", "digits", "--set", "limit=60", "--dry-run", "--json")
    origin = json.loads(done.stdout)["origins"]["train.batch_size"]
    assert done.stderr == LINE.format(64, 54)
    assert origin == "lowered from 64 (preset perceiver-io-digits) to fit data.limit"


def test_a_limit_from_the_environment_or_a_file_lowers_it_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own.toml").write_text('model.name = "swin"\ndata.dataset = "cifar10"\ndata.limit = 100\n')
    spec, _ = spec_of(cli, "--spec", "own.toml")
    assert spec["train"]["batch_size"] == 90
    assert cli("spec", "check", "own.toml").stderr.startswith(LINE.format(128, 90))
    monkeypatch.setenv("VITREPORT_LIMIT", "1000")
    spec, _ = spec_of(cli, "swin", "--dataset", "cifar10")
    assert spec["train"]["batch_size"] == 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "batch_size=512"], "train.batch_size = 512: larger than the 500 training images (from --set)"),
        (["--batch-size", "512"], "train.batch_size = 512: larger than the 500 training images (from command line)"),
    ],
)
def test_a_batch_size_that_was_given_stays(arguments: list[str], said: str, cli: Cli) -> None:
    done = cli("train", "mlp-mixer", "--dataset", "cifar10", "--dry-run", *QUICK, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "hint: set train.batch_size to 500 or less, or data.limit to 512 or more" in done.stderr


def test_the_smallest_limit_leaves_room_for_validation(cli: Cli) -> None:
    wanted = ("perceiver-io", "--dataset", "digits", "--set", "batch_size=101")
    done = cli("spec", "show", *wanted, "--set", "limit=100")
    assert "hint: set train.batch_size to 90 or less, or data.limit to 112 or more" in done.stderr
    assert cli("spec", "show", *wanted, "--set", "limit=111").exit_code == 2
    assert cli("spec", "show", *wanted, "--set", "limit=112").exit_code == 0
    assert "or data.limit" not in cli("spec", "show", *wanted[:3], "--set", "batch_size=2000").stderr


def test_a_sweep_over_limits_keeps_its_batch_size(cli: Cli) -> None:
    """Its trials would differ in more than the limit."""
    done = cli("ablate", "swin", "--dataset", "cifar10", "--param", "limit", "500,2000", "--dry-run")
    assert (done.exit_code, "train.batch_size = 1024: larger than the 500 training images" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "words", [["study", "status"], ["study", "run", "--dry-run"], ["report", "--no-assets", "--study"]]
)
def test_the_quick_try_of_a_study(words: list[str], cli: Cli) -> None:
    """One line for all of it."""
    done = cli(*words, "small-images", *QUICK)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("lowered") == 1
    assert LINE.format("512, 1024", 500) in done.stderr


@pytest.mark.parametrize("words", [["study", "status"], ["study", "run", "--dry-run"], ["report", "--study"]])
def test_a_level_that_cannot_be_trained_stays_an_error(words: list[str], cli: Cli) -> None:
    Path("own.toml").write_text(PARTS)
    done = cli(*words, "own.toml", "--set", "limit=100")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ablations.batch.params.batch_size = 128: larger than the 100 training images")
    assert done.stderr.endswith("hint: set train.batch_size to 100 or less, or data.limit to 128 or more\n")
    assert done.stderr.count("\n") == 1


def test_without_a_limit_nothing_is_lowered(cli: Cli) -> None:
    """Also with one that is as large as the dataset."""
    for more in ((), ("--set", "limit=60000"), ("--set", "limit=2000")):
        spec, told = spec_of(cli, "swin", "--dataset", "cifar10", *more)
        assert (spec["train"]["batch_size"], told) == (1024, "")
