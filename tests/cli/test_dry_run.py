import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.commands import TINY
from tests.data.makers import write_folder

DIGITS = ("train", "perceiver-io", "--dataset", "digits")
PARAMETERS = 1_504_662
"""Of the published Perceiver IO, whatever it is trained on, as long as it is 32 x 32 pixels and ten classes."""

HEADERS = 100_000
"""Room for the names of all tensors, which small networks notice."""


def planned(cli: Cli, *arguments: str) -> Any:
    done = cli(*arguments, "--dry-run", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("dataset", "options", "images", "epochs", "steps"),
    [
        ("digits", ["--epochs", "20", "--batch-size", "64"], 1293, 20, 21 * 20),
        ("cifar10", ["--epochs", "21", "--batch-size", "128"], 50_000, 21, 391 * 21),
        ("cifar10", ["--set", "limit=1000", "--set", "validation_fraction=0.1", "--epochs", "1"], 900, 1, 8),
    ],
)
def test_the_numbers_are_those_of_the_run(
    dataset: str, options: list[str], images: int, epochs: int, steps: int, cli: Cli
) -> None:
    found = planned(cli, "train", "perceiver-io", "--dataset", dataset, *options)
    plan = found["plan"]
    assert plan["parameters"] == PARAMETERS
    assert (plan["images"]["train"], plan["steps"]) == (images, steps)
    assert found["spec"]["train"]["epochs"] == epochs
    assert plan["training_flops_per_image"] > 2 * plan["forward_flops_per_image"] > 2 * PARAMETERS


def test_the_disk_is_that_of_two_checkpoints_and_the_selected_weights(cli: Cli) -> None:
    """A checkpoint of AdamW holds the weights and two moments, and with selection "val" the best weights."""
    weights = 4 * PARAMETERS
    assert planned(cli, *DIGITS)["plan"]["disk_bytes"] == weights * (2 * 4 + 1)
    last = [*DIGITS, "--set", "selection=last", "--set", "optimizer.name=sgd"]
    assert planned(cli, *last)["plan"]["disk_bytes"] == weights * (2 * 2 + 1)


def test_the_plan_comes_true(cli: Cli) -> None:
    arguments = (*DIGITS, *TINY, "--set", "augment=[]")
    plan = planned(cli, *arguments)["plan"]
    assert plan["state"] == "new"
    folder = Path(cli(*arguments, "--checkpoint-seconds", "0").stdout.strip())
    record = json.loads((folder / "run.json").read_text())
    assert (plan["id"], plan["steps"], plan["device"]) == (record["id"], record["step"], record["device"])
    assert plan["images"] == record["data"]["counts"]
    assert plan["threads"] == int(record["fingerprint"]["threads"])
    assert {name: plan[name] for name in record["cost"]} == record["cost"]
    written = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    assert plan["disk_bytes"] <= written <= plan["disk_bytes"] + HEADERS
    assert planned(cli, *arguments)["plan"]["state"] == "done"


def test_each_value_says_where_it_comes_from(cli: Cli) -> None:
    arguments = (*DIGITS, "--set", "lr=0.5", "--seed", "3")
    origins = planned(cli, *arguments)["origins"]
    expected = {
        "model.name": "command line",
        "model.dim": "derived",
        "model.depth": "default",
        "data.dataset": "command line",
        "data.augment": "preset perceiver-io-digits",
        "optimizer.learning_rate": "--set",
        "seed": "command line",
    }
    assert {path: origins[path] for path in expected} == expected
    shown = [line.split() for line in cli(*arguments, "--dry-run").stdout.splitlines()]
    assert ["optimizer.learning_rate", "--set", "0.5"] in shown
    assert ["seed", "command", "line", "3"] in shown
    assert ["parameters", f"{PARAMETERS:,}"] in shown


def test_every_field_of_the_spec_is_shown_once(cli: Cli) -> None:
    found = planned(cli, *DIGITS)
    fields = {
        f"{section}.{field}" for section, values in found["spec"].items() if section != "seed" for field in values
    }
    mixing = {f"data.mix.{field}" for field in found["spec"]["data"]["mix"]}
    assert set(found["origins"]) == (fields - {"data.mix"}) | mixing | {"seed"}
    shown = cli(*DIGITS, "--dry-run").stdout.split("\n\n")[0].splitlines()[1:]
    assert [line.split()[0] for line in shown] == list(found["origins"])


@pytest.mark.parametrize("dataset", ["digits", "cifar10", "./images"])
def test_nothing_is_written(dataset: str, cli: Cli, own_folders: Path) -> None:
    write_folder(Path("images"), size=32)
    before = sorted(own_folders.rglob("*"))
    assert cli("train", "perceiver-io", "--dataset", dataset, "--dry-run").exit_code == 0
    assert sorted(own_folders.rglob("*")) == before


def test_the_files_of_a_folder_are_counted_before_they_are_decoded(cli: Cli) -> None:
    write_folder(Path("images"), size=32)
    arguments = ("train", "perceiver-io", "--dataset", "./images", "--set", "validation_fraction=0.25")
    plan = planned(cli, *arguments, "--batch-size", "2", "--epochs", "3")["plan"]
    assert plan["images"] == {"train": 4, "val": 2, "test": 6}
    assert plan["steps"] == 6


def test_images_that_are_not_here_are_counted_as_published(cli: Cli) -> None:
    limit = ("--set", "validation_fraction=0.0", "--set", "limit=4000")
    arguments = ("train", "perceiver-io", "--dataset", "stl10", *TINY, *limit)
    assert "4,000 train, 8,000 test" in cli(*arguments, "--dry-run").stdout


@pytest.mark.parametrize(
    ("options", "evaluations"),
    [
        (["selection=val"], {"train": 2, "val": 3 + 2, "test": 2}),
        (["selection=val", "monitor_test=true"], {"train": 2, "val": 3 + 2, "test": 3 + 2}),
        (["selection=val", "monitor_train=true"], {"train": 3 + 2, "val": 3 + 2, "test": 2}),
        (["selection=last"], {"train": 1, "val": 3 + 1, "test": 1}),
    ],
)
def test_the_time_is_that_of_all_steps_and_evaluations(
    options: list[str], evaluations: dict[str, int], cli: Cli
) -> None:
    """Of three epochs; each split is measured in the end with the last and with the selected weights."""
    plan = planned(cli, *DIGITS, *TINY, *(f"--set={option}" for option in options))["plan"]
    training, forward = (plan["throughput"][name]["images_per_second"] for name in ("training", "forward"))
    evaluated = sum(plan["images"][split] * times for split, times in evaluations.items())
    expected = 3 * plan["images"]["train"] / training + evaluated / forward
    assert plan["seconds"] == pytest.approx(expected, abs=0.001)


def test_activations_are_those_of_a_batch_and_halve_with_bfloat16(cli: Cli) -> None:
    plan = planned(cli, *DIGITS, "--batch-size", "50")["plan"]
    assert plan["activation_bytes"] == 50 * plan["activation_bytes_per_image"]
    narrow = planned(cli, *DIGITS, "--precision", "bfloat16")["plan"]
    assert 0.4 < narrow["activation_bytes_per_image"] / plan["activation_bytes_per_image"] < 0.7


def test_a_smaller_batch_than_the_spec_has_is_told(cli: Cli) -> None:
    shown = cli(*DIGITS, "--batch-size", "512", "--dry-run").stdout
    assert "images/s, measured in batches of 2 (once)" in shown
    assert "B at batch size 512" in shown


def test_a_network_that_is_to_be_compiled_is_measured_as_it_is(cli: Cli) -> None:
    done = cli(*DIGITS, *TINY, "--compile", "on", "--dry-run")
    assert "at the speed without compiling" in done.stdout
    done = cli(*DIGITS, *TINY, "--compile=on", "--cuda-graphs", "--dry-run")
    assert "at the speed without compiling and --cuda-graphs" in done.stdout
    short = cli(*DIGITS, *TINY, "--dry-run").stdout
    assert "without compiling" not in short
    assert re.search(r"^compile +no: ", short, re.MULTILINE)


def test_an_unknown_mode_of_compiling_is_refused(cli: Cli) -> None:
    for more in ([], ["--dry-run"]):
        done = cli(*DIGITS, *TINY, "--compile", "fast", *more)
        assert done.exit_code == 2
        assert "--compile = 'fast': unknown mode" in done.stderr
        assert "use auto, on or off" in done.stderr


def test_a_mixture_is_shown_as_toml(cli: Cli) -> None:
    lines = cli("train", "--preset", "perceiver-cifar10", "--dry-run").stdout.splitlines()
    (shown,) = [line.partition("preset perceiver-cifar10")[2] for line in lines if line.startswith("data.augment ")]
    planned_spec = planned(cli, "train", "--preset", "perceiver-cifar10")["spec"]
    without_none = [{k: v for k, v in each.items() if v is not None} for each in planned_spec["data"]["augment"]]
    assert tomllib.loads(f"augment = {shown}")["augment"] == without_none
