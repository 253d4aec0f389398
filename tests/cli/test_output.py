"""stdout carries the product and nothing else; stderr suits who reads it."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.surface import commands
from tests.commands import TINY, TRAIN
from tests.data.makers import write_folder
from tests.records import small_spec, write_run
from vitreport.formatting import counted
from vitreport.records.reader import Run, read_run
from vitreport.spec.fields import field_paths
from vitreport.spec.load import preset_names
from vitreport.spec.model import ARCHITECTURES

EPOCHS = 3
COLOR = re.compile(r"\x1b\[[0-9;]*m")


WITH_JSON = {
    "train": TRAIN[1:],
    "ablate": (*TRAIN[1:4], *TINY[:-2], "--set=epochs=3", "--param", "batch_size", "20", "--seeds=1", "--dry-run"),
    "eval": ("perceiver",),
    "predict": ("perceiver", "image.png"),
    "runs list": (),
    "runs show": ("perceiver",),
    "runs diff": ("perceiver", "perceiver"),
    "runs delete": ("perceiver", "--dry-run"),
    "runs gc": ("--dry-run",),
    "export-model": ("perceiver", "-o", "../model.pt2"),
    "spec check": ("my.toml",),
    "spec show": ("swin",),
    "spec fields": (),
    "datasets list": (),
    "datasets verify": ("digits",),
    "models list": (),
    "models show": ("mlp-mixer", "--set", "embed_dim=8", "--set", "num_blocks=1"),
    "study list": (),
    "study show": ("study.toml",),
    "study status": ("study.toml",),
    "study run": ("study.toml", "--seeds=1"),
    "doctor": (),
}


def only_run(runs_dir: Path) -> Run:
    (folder,) = runs_dir.iterdir()
    return read_run(folder)


def test_training_prints_its_folder_and_tells_each_epoch_on_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # which asks for colours in a log, not for a live view
    done = cli(*TRAIN)
    stderr = COLOR.sub("", done.stderr)
    trained = only_run(Path("runs"))
    assert (done.exit_code, done.stdout, "\x1b" in stderr) == (0, f"{trained.folder}\n", False)
    lines = [parsed(line) for line in stderr.splitlines() if line.startswith("epoch=")]
    told = [(line["epoch"], line["step"], line["train_loss"], line["val_accuracy"]) for line in lines]
    assert told == [
        (str(epoch.epoch), str(epoch.step), f"{epoch.splits['train'].loss:.4f}", f"{epoch.splits['val'].accuracy:.4f}")
        for epoch in trained.epochs
    ]
    assert len(told) == EPOCHS
    assert {key for line in lines for key in line} == {
        *("epoch", "step", "learning_rate", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
        *("images_per_second", "seconds", "peak_memory", "best_epoch"),
    }
    assert trained.result is not None
    assert f"the weights are those of epoch {trained.result.selected.epoch} (best validation accuracy)" in stderr
    assert re.search(r"\ntest +\d\.\d{4} +\d+\.\d\d% \(.* to .*, single run\)\n", stderr)


def test_verbose_tells_where_each_value_comes_from(at_home: Path, cli: Cli) -> None:
    lines = cli(*TRAIN, "--verbose").stderr.splitlines()
    told = {line for line in lines if " = " in line}
    assert {"train.label_smoothing = 0.0 (default)", 'data.dataset = "digits" (command line)'} <= told
    assert f"runs in {Path('runs').absolute()}" in lines


def test_quiet_leaves_the_folder_alone(at_home: Path, cli: Cli) -> None:
    quiet = f"{only_run(Path('runs')).folder}\n"
    assert (Path("stdout").read_text(), Path("stderr").read_text()) == (quiet, "")
    done = cli(*TRAIN, "-q")
    assert (done.stdout, done.stderr) == (quiet, "")


def parsed(line: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in line.split(" "))


def test_a_finished_run_says_so_and_prints_the_same(at_home: Path, cli: Cli) -> None:
    done = cli(*TRAIN)
    trained = only_run(Path("runs"))
    assert done.stdout == f"{trained.folder}\n"
    assert done.stderr.startswith(
        f"run {trained.id} is already done; use --force to train it again in a new directory\n"
    )


def test_every_command_with_json_is_tried_here() -> None:
    having = {words for words, each in commands().items() if any("--json" in param.opts for param in each.params)}
    assert having == set(WITH_JSON)


@pytest.mark.parametrize("words", WITH_JSON)
def test_json_is_json_and_all_of_stdout(words: str, at_home: Path, cli: Cli) -> None:
    done = cli(*words.split(), *WITH_JSON[words], "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout, parse_constant=pytest.fail)["schema_version"] > 0


def test_json_of_training_is_its_result(at_home: Path, cli: Cli) -> None:
    told = json.loads(cli(*TRAIN, "--json").stdout)
    trained = only_run(Path("runs"))
    assert trained.result is not None
    assert told == {"id": trained.id, "folder": str(trained.folder), **trained.result.model_dump(mode="json")}


def test_every_field_is_listed_with_what_is_allowed(cli: Cli) -> None:
    listed = json.loads(cli("spec", "fields", "--json").stdout)["sections"]
    found = {f"{each['section']}.{field['name']}" for each in listed for field in each["fields"]}
    named = {f"{each['section']}.name" for each in listed if each["name"]}
    assert {path for path in field_paths() if not path.startswith("model.") and path != "seed"} <= found | named
    told = [" ".join(line.split()) for line in cli("spec", "fields", "data.augment").stdout.splitlines()]
    assert 'data.augment name "random_rotation"' in told
    between = "number at least -360 and at most 360"
    assert f"data.augment degrees [{between}, {between}] [-15.0, 15.0]" in told


def test_a_section_that_does_not_exist_is_met_with_the_nearest(cli: Cli) -> None:
    done = cli("spec", "fields", "augment")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: unknown section: augment; hint: did you mean data.augment?\n"


def test_a_shown_spec_is_toml(cli: Cli) -> None:
    assert tomllib.loads(cli("spec", "show", "swin").stdout)["model"]["name"] == "swin"


def test_a_checked_spec_prints_its_id(at_home: Path, cli: Cli) -> None:
    done = cli("spec", "check", "my.toml")
    assert re.fullmatch(r"swin-cifar10-[0-9a-f]{8}-s0\n", done.stdout)
    assert done.stderr == "my.toml: valid spec of swin on cifar10\n"


def test_test_images_that_were_trained_on_are_told_at_each_training(cli: Cli) -> None:
    root = write_folder(Path("pets"), count=10)
    for number in range(4):
        (root / "test" / "dog" / f"000{number}.png").write_bytes((root / "train" / "cat" / "0000.png").read_bytes())
    small = ("--set=patch_size=4", "--set=embed_dim=8", "--set=num_blocks=1", "--epochs=1", "--batch-size=9")
    told = "warning: 4 of the 20 test images are also training images: the test accuracy will be too high"
    for seed in (0, 1):
        done = cli("train", "mlp-mixer", "--dataset", "./pets", *small, f"--seed={seed}")
        assert done.exit_code == 0, done.stderr
        assert told in done.stderr.splitlines()
        assert json.loads(Path(done.stdout.strip(), "run.json").read_text())["data"]["overlap"] == 4
    assert "- Test images of pets that are also training images: 4; " in cli("report").stdout


TABLES = [
    ("models", "list"),
    ("datasets", "list"),
    ("runs", "list"),
    ("runs", "show", "perceiver"),
    ("eval", "perceiver"),
    ("predict", "perceiver", "image.png"),
]


@pytest.mark.parametrize("arguments", TABLES, ids=" ".join)
def test_a_pipe_gets_no_control_codes_and_no_folded_lines(
    arguments: tuple[str, ...], at_home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = cli(*arguments).stdout
    monkeypatch.setenv("COLUMNS", "20")
    narrow = cli(*arguments)
    assert (narrow.exit_code, narrow.stdout.count("\n")) == (0, wide.count("\n"))
    assert "\x1b" not in narrow.stdout + narrow.stderr
    assert [line for line in narrow.stdout.splitlines() if line != line.rstrip()] == []


def test_one_thread_is_one(cli: Cli) -> None:
    write_run(Path("runs"), small_spec(), fingerprint={"threads": "1"})
    assert "CPU, 1 thread\n" in cli("runs", "show", "perceiver").stdout
    assert [counted(count, "thread") for count in (1, "1", 2, 2000, "?")] == [
        "1 thread",
        "1 thread",
        "2 threads",
        "2,000 threads",
        "? threads",
    ]


def test_the_list_of_models_is_whole(cli: Cli) -> None:
    lines = cli("models", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == list(ARCHITECTURES)
    assert {word.strip(",") for line in lines for word in line.split()} >= set(preset_names())


def test_a_table_has_one_line_for_each_row(cli: Cli) -> None:
    for seed in range(3):
        write_run(Path("runs"), small_spec(seed))
    assert len(cli("runs", "list", "--each").stdout.splitlines()) == 1 + 3
    assert len(cli("runs", "list").stdout.splitlines()) == 1 + 1
