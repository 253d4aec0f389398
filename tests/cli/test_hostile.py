"""Names, files and records that hold control characters stay text."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.records import small_spec, write_run

HOSTILE = "\x1b[31mred\x1b[0m\n<script>\u202e|`[x](javascript:y)\x07"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", HOSTILE],
        ["train", "swin", "--dataset", HOSTILE],
        ["train", "swin", "--dataset", f"./{HOSTILE}"],
        ["train", "swin", "--set", f"{HOSTILE}=1"],
        ["train", "swin", "--set", f"precision={HOSTILE}"],
        ["train", "swin", "--preset", HOSTILE],
        ["train", "--spec", HOSTILE],
        ["train", f"--{HOSTILE}"],
        ["train", "perceiver-io", "--dataset", "digits", "--device", HOSTILE],
        ["spec", "check", HOSTILE],
        ["runs", "show", HOSTILE],
        ["runs", "show", f"./{HOSTILE}"],
        ["eval", HOSTILE],
        ["predict", HOSTILE, "."],
        ["predict", "x", HOSTILE],
        ["explain", HOSTILE, "-o", "a.png"],
        ["explain", "x", HOSTILE, "-o", f"{HOSTILE}.png"],
        ["runs", "delete", HOSTILE],
        ["export-model", HOSTILE],
        ["push", HOSTILE, "me/digits"],
        [HOSTILE],
    ],
)
def test_a_hostile_name_stays_text(arguments: list[str], cli: Cli) -> None:
    done = cli(*arguments)
    assert done.exit_code in (2, 3, 4)
    assert is_plain(done.stderr)
    assert "error: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("file", ["hostile.toml", "hostile.json"])
def test_a_hostile_file_stays_text(file: str, cli: Cli) -> None:
    table = {HOSTILE: 1, "model": {"name": HOSTILE}, "data": {HOSTILE: HOSTILE}, "train": {"precision": HOSTILE}}
    Path(file).write_text(json.dumps(table) if file.endswith("json") else toml(table))
    done = cli("spec", "check", file)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 4
    assert is_plain(done.stderr)


def toml(table: dict[str, Any]) -> str:
    key = json.dumps
    sections = [
        f"[{key(name)}]\n{key(k)} = {key(v)}"
        for name, inner in table.items()
        if isinstance(inner, dict)
        for k, v in inner.items()
    ]
    return "\n".join([f"{key(HOSTILE)} = 1", *sections])


@pytest.mark.parametrize("command", [["runs", "list"], ["runs", "show", "perceiver"], ["runs", "diff"]])
def test_a_hostile_record_stays_text(command: list[str], cli: Cli) -> None:
    runs = Path("runs")
    folder = write_run(
        runs, small_spec(), started=HOSTILE, argv=(HOSTILE,), device=HOSTILE, versions={HOSTILE: HOSTILE}
    )
    make_hostile(folder)
    if command == ["runs", "diff"]:
        command = [*command, folder.name, write_run(runs, small_spec(1)).name]
    done = cli(*command)
    assert done.exit_code == 0
    assert is_plain(done.stdout)
    assert is_plain(done.stderr)
    assert "<script>" in done.stdout
    if command == ["runs", "list"]:
        assert len(done.stdout.splitlines()) == 2


def make_hostile(folder: Path) -> None:
    """Rename a split to a hostile name in the curves and in the result."""
    name = json.dumps(HOSTILE)[1:-1]
    for file in (folder / "metrics.jsonl", folder / "result.json"):
        file.write_text(file.read_text().replace('"val":', f'"{name}":'))


def is_plain(text: str) -> bool:
    """Without control characters other than line ends, and without changes of the writing direction."""
    return all(character.isprintable() for line in text.split("\n") for character in line)
