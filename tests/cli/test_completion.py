"""Pressing Tab: the shell calls the program with the words so far, and offers each line that it prints."""

from pathlib import Path

import pytest

from tests.cli.test_startup import HEAVY
from tests.commands import in_a_new_process, vitreport
from tests.records import small_spec, write_run
from vitreport.spec.load import preset_names

STUDY = """
title = "Two runs"
runs.first = { model = "swin", dataset = "digits" }
runs."$(touch harmed)" = { model = "tnt", dataset = "digits" }
runs.second = { model = "tnt", dataset = "digits" }
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("st", ["study"]),
        ("study sh", ["show"]),
        ("train per", ["perceiver-io", "perceiver"]),
        ("train timm/res", []),
        ("train swin --dataset ", ["digits", "cifar10", "stl10", "tinyimagenet"]),
        ("train swin --dataset ./photos", []),
        ("train --preset perceiver-io-", [name for name in preset_names() if name.startswith("perceiver-io-")]),
        ("study run digits --set batch", ["batch_size="]),
        ("ablate --param batch", ["batch_size"]),
        ("ablate --param batch_size 16,32 --param optim", ["optimizer"]),
        ("study show ", ["digits", "small-images"]),
        ("report --study s", ["small-images"]),
        ("study run digits --only sw", ["swin"]),
        ("study run digits --epochs 1 --only swin,tn", ["swin,tnt"]),
        ("study run digits --only swin --only tn", ["tnt"]),
        (
            "report --study small-images --only perceiver-io/stl10,perceiver-io/ci",
            ["perceiver-io/stl10,perceiver-io/cifar10"],
        ),
        ("report --only ", []),
        ("eval swin --split t", ["test", "train"]),
    ],
)
def test_values_are_offered(words: str, expected: list[str]) -> None:
    assert offered(words) == expected


def test_runs_are_offered_with_their_groups_and_sweeps() -> None:
    first, second = [write_run(Path("elsewhere"), small_spec(seed)).name for seed in (0, 1)]
    group = first.removesuffix("-s0")
    Path("elsewhere/sweeps").mkdir()
    Path("elsewhere/sweeps/batch-size-12345678.json").touch()
    assert offered("runs show ", VITREPORT_RUNS_DIR="elsewhere") == [group, first, second]
    for words in (
        f"runs diff --runs-dir elsewhere {first} ",
        "eval --runs-dir elsewhere ",
        "predict --runs-dir elsewhere ",
        "push --runs-dir elsewhere ",
        "explain --runs-dir elsewhere ",
    ):
        assert offered(words) == [group, first, second]
    for command in ("report", "plot"):
        assert offered(f"{command} --runs-dir elsewhere ") == ["batch-size-12345678", group, first, second]


def test_no_error_is_shown() -> None:
    Path("runs").write_text("not a folder")
    Path("study.toml").write_text("title = ")
    assert offered("eval ") == offered("report ") == offered("report --study study.toml --only ") == []


def test_nothing_that_a_shell_would_run_is_offered() -> None:
    Path("study.toml").write_text(STUDY)
    assert offered("study run study.toml --only ") == ["first", "second"]


@pytest.mark.parametrize("words", ["train ", "train --set ", "report ", "study run digits --only "])
def test_completion_does_not_load_torch(words: str) -> None:
    done = in_a_new_process(environment={**environment(words), "PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "vitreport.cli.completion" in loaded
    assert HEAVY & loaded == set()


def test_zsh_and_fish_receive_the_same_values() -> None:
    line = {"_TYPER_COMPLETE_ARGS": "vitreport study show s", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert vitreport(environment={"_VITREPORT_COMPLETE": "complete_fish", **line}).stdout == "small-images\n"
    assert '"small-images"' in vitreport(environment={"_VITREPORT_COMPLETE": "complete_zsh", **line}).stdout


def offered(words: str, **more: str) -> list[str]:
    """What bash offers for the last word, which may be empty."""
    done = vitreport(environment={**environment(words), **more})
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.split()


def environment(words: str) -> dict[str, str]:
    count = str(len(words.split(" ")))
    return {"_VITREPORT_COMPLETE": "complete_bash", "COMP_WORDS": f"vitreport {words}", "COMP_CWORD": count}
