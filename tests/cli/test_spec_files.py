"""The spec files and schemas that `vitreport spec` writes, and files that are no TOML."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.spec.validating import accepts
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.schema import run_schema, study_schema


@pytest.mark.parametrize("model", [name if name != "timm" else "timm/resnet10t" for name in ARCHITECTURES])
def test_the_schema_accepts_what_the_program_writes(model: str, cli: Cli) -> None:
    shown = cli("spec", "show", model, "--dataset=digits")
    assert accepts(run_schema(), tomllib.loads(shown.stdout))
    assert accepts(run_schema(), json.loads(cli("spec", "show", model, "--dataset=digits", "--json").stdout))


def test_the_schemas_are_printed(cli: Cli) -> None:
    assert json.loads(cli("spec", "schema").stdout) == run_schema()
    assert json.loads(cli("spec", "schema", "--study").stdout) == study_schema()


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.toml", "a.cfg"])
@pytest.mark.parametrize("text", ["model: resnet18\nlr: 0.1\n", "---\n- a\n", "# timm\n\nmodel:\n  name: swin\n"])
def test_yaml_is_met_with_toml(name: str, text: str, cli: Cli) -> None:
    Path(name).write_text(text)
    for command in (("spec", "check", name), ("train", "--spec", name), ("study", "show", f"./{name}")):
        done = cli(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"{name}: " in done.stderr
        assert "; hint: specs and studies are TOML: `batch_size = 64`, not `batch_size: 64`" in done.stderr


def test_a_study_named_as_yaml_is_looked_for_as_a_file(cli: Cli) -> None:
    Path("my.yaml").write_text("title: T\n")
    assert "studies are TOML" in cli("study", "show", "my.yaml").stderr
