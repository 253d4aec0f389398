"""A hint names no option that the command lacks."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.surface import commands
from tests.data.makers import write_folder
from tests.records import small_spec, write_run

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMANDS = commands()
OWN = {
    "seed": 'params.seed = [1, 2]\ndataset = "digits"',
    "zip": 'zip = true\nparams = { lr = [1], epochs = [1, 2] }\ndataset = "digits"',
    "baseline": 'params.batch_size = [8, 64]\nbaseline = 9\ndataset = "digits"',
    "dataset": 'params.batch_size = [8, 64]\ndataset = "photos"',
    "cells": f'params = {{ batch_size = {list(range(1, 99))}, epochs = {list(range(1, 99))} }}\ndataset = "digits"',
    "preset": 'params.batch_size = [8, 64]\npreset = "swin-digits"\ndataset = "digits"',
}
READERS = ("study show", "study status", "study run --dry-run", "report --study")
SPECS = {
    "dataset": 'data.dataset = "photos"',
}
SPEC_READERS = ("spec check", "spec show --spec", "train --spec", "ablate --param lr 1,2 --spec")
MANY = ",".join(map(str, range(1, 4000)))
WRONG = f"""
study status digits --only x
study status digits --seeds x
study status digits --set seed=1
study status small-images digits
study status small-images --dataset digits
ablate --seed 3
report --study digits --only x
report --study digits --seeds x
report --study digits x
report --only x
report --seeds 1
report -o x.docx
report -o x.md --check y.md
report -o photos
report --assets file
report --check file --assets file
report --check x
report --inject file
report --template x
report --format html --assets x
report --runs-dir typo
report x
runs export --format parquet
runs export -o no/x
runs export --runs-dir typo
runs export x
runs show x
runs diff x y
runs list --runs-dir typo
ablate
ablate --param seed 1,2
ablate --param lr 1,2 --param epochs 1 --zip
ablate --dataset digits --param batch_size {MANY}
ablate --dataset digits --param batch_size 8,64 --baseline 9
train
train swin --device x
train swin --dataset photos
train swin --weights x
models show x
models show swin --dataset photos
datasets verify photos
spec show swin --dataset photos
eval x
"""


@pytest.fixture(autouse=True)
def folder() -> None:
    write_folder(Path("photos"))
    Path("file").touch()
    write_run(Path("runs"), small_spec())


def options_of(words: str) -> set[str]:
    command = COMMANDS[words]
    return {"--help", *(name for parameter in command.params for name in parameter.opts)}


def command_of(arguments: list[str]) -> str:
    return max((words for words in COMMANDS if arguments[: len(words.split())] == words.split()), key=len)


def unknown_options(arguments: list[str], told: str) -> list[str]:
    """The options that a command's hints name and that it lacks; a command in backticks has its own."""
    strange = []
    for hint in re.findall(r"hint: (.*)", told):
        quoted = re.findall(r"`vitreport [^`]*`", hint)
        strange += [name for text in quoted for name in OPTION.findall(text) if name not in options_of(_quoted(text))]
        for text in quoted:
            hint = hint.replace(text, "")
        strange += [name for name in OPTION.findall(hint) if name not in options_of(command_of(arguments))]
    return strange


def _quoted(text: str) -> str:
    return command_of(text.strip("`").split()[1:])


@pytest.mark.parametrize("line", WRONG.split("\n")[1:-1], ids=lambda line: line[:60])
def test_a_hint_names_options_of_its_command(line: str, cli: Cli) -> None:
    arguments = line.split()
    done = cli(*arguments)
    assert done.exit_code != 0
    assert "hint: " in done.stderr
    assert unknown_options(arguments, done.stderr) == [], done.stderr


@pytest.mark.parametrize("fault", OWN)
def test_hints_of_a_study_name_options_of_its_command(fault: str, cli: Cli) -> None:
    Path("own.toml").write_text(f'title = "t"\n[ablations.own]\nmodel = "perceiver-io"\n{OWN[fault]}\n')
    told = 0
    for words in READERS:
        done = cli(*words.split(), "own.toml")
        told += "hint: " in done.stderr
        assert unknown_options(words.split(), done.stderr) == [], (words, done.stderr)
    assert told


@pytest.mark.parametrize("fault", SPECS)
def test_hints_of_a_spec_name_options_of_its_command(fault: str, cli: Cli) -> None:
    dataset = "" if fault == "dataset" else 'data.dataset = "digits"\n'
    Path("own.toml").write_text(f'model.name = "perceiver-io"\n{dataset}{SPECS[fault]}\n')
    told = 0
    for words in SPEC_READERS:
        done = cli(*words.split(), "own.toml")
        told += "hint: " in done.stderr
        assert unknown_options(words.split(), done.stderr) == [], (words, done.stderr)
    assert told


def test_the_spec_of_a_run_on_own_images_says_that_it_has_no_path(cli: Cli) -> None:
    Path("spec.json").write_text('{"model": {"name": "mlp-mixer"}, "data": {"dataset": "photos", "image_size": 32}}')
    for words in SPEC_READERS:
        told = cli(*words.split(), "spec.json").stderr
        hint = "use --data-dir with the directory that contains 'photos', or `vitreport train --dataset` with its path"
        assert told.endswith(f"unknown dataset (from spec.json); hint: {hint}\n")
        assert unknown_options(words.split(), told) == []


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("ablate swin --param batch_size 16 32", "separate the values with commas: --param batch_size 16,32"),
        ("ablate --param lr 1,2 3 --seeds 2", "separate the values with commas: --param lr 1,2,3"),
        ("ablate --param lr 1 swin --dataset photo", "unknown dataset"),
        ("train swin digits", "use --dataset digits, or see `vitreport train --help`"),
        ("train swin --dataset digits --seeds 2", "use --seed once for each seed, or see `vitreport train --help`"),
        ("train swin --dataset", "see `vitreport train --help`"),
        ("ablate --seed 3", "use --seeds 3..3 for seed 3, or see `vitreport ablate --help`"),
        ("study run digits --seed 3", "use --seeds 3..3 for seed 3, or see `vitreport study run --help`"),
        ("spec show swin --seed 3", "use --set seed=VALUE, or see `vitreport spec show --help`"),
        ("study status small-images digits", "hint: see `vitreport study status --help`"),
        ("study run digits --only swin tnt", "use commas between the names of --only, or see"),
        ("report --study digits --only swin tnt", "use --only A,B to choose runs and ablations of the study"),
        ("runs show runs/GROUP", "use the id of the group: GROUP"),
        ("train swin photo", "see `vitreport train --help`"),
        (
            "train swin --dataset digits --set num_latent=3",
            "num_latents (perceiver-io, perceiver) or num_classes?",
        ),
        ("train swin --dataset digits --set model.windowsize=3", "did you mean model.window_size (swin)"),
        ("train swin --dataset digits --set bach_size=3", "did you mean batch_size"),
    ],
)
def test_a_hint_has_the_right_form(line: str, hint: str, cli: Cli) -> None:
    group = small_spec().run_id.removesuffix("-s0")
    assert hint.replace("GROUP", group) in cli(*line.replace("GROUP", group).split()).stderr


def test_a_strange_option_would_be_found() -> None:
    told = "error: x; hint: --title 3 or less, see `vitreport train --seed 1` or `vitreport study run --seed 1`"
    assert unknown_options(["study", "run"], told) == ["--seed", "--title"]
