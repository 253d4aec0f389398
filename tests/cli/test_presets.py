"""The commands in the heads of presets, and presets that are shown and read back."""

import shlex
from pathlib import Path

import pytest
import typer

from tests.cli.conftest import Cli
from tests.spec.test_presets import DATA_DIR, PRESETS, resolved
from vitreport import api
from vitreport.spec.load import PRESETS as FOLDER
from vitreport.spec.load import preset_facts
from vitreport.spec.run import RunSpec


@PRESETS
def test_the_command_in_the_header_trains_that_very_preset(
    name: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[RunSpec] = []

    def train(spec: RunSpec, *_: object, **__: object) -> None:
        trained.append(spec)
        raise typer.Exit

    monkeypatch.setattr(api, "train", train)
    expected = resolved(name)
    program, *arguments = shlex.split((FOLDER / f"{name}.toml").read_text().splitlines()[0].lstrip("# "))
    done = cli(*arguments, "--data-dir", str(DATA_DIR))
    assert (program, arguments[0], done.exit_code, done.stderr) == ("vitreport", "train", 0, "")
    assert trained == [expected]


@PRESETS
@pytest.mark.parametrize("form", ["toml", "json"])
def test_a_shown_preset_is_read_back_as_the_same_run(name: str, form: str, cli: Cli) -> None:
    expected = resolved(name)
    shown = cli("spec", "show", "--preset", name, "--data-dir", str(DATA_DIR), *(["--json"] if form == "json" else []))
    file = Path(f"shown.{form}")
    assert form == "json" or all(f"# {line}\n" in shown.stdout for line in preset_facts(name))
    file.write_text(shown.stdout, encoding="utf-8")
    assert cli("spec", "check", str(file), "--data-dir", str(DATA_DIR)).stdout == f"{expected.run_id}\n"
