"""Files that are no TOML."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.toml", "a.cfg"])
@pytest.mark.parametrize("text", ["model: resnet18\nlr: 0.1\n", "---\n- a\n", "# timm\n\nmodel:\n  name: swin\n"])
def test_yaml_is_met_with_toml(name: str, text: str, cli: Cli) -> None:
    Path(name).write_text(text)
    for command in (("spec", "check", name), ("train", "--spec", name), ("study", "show", f"./{name}")):
        done = cli(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"{name}: " in done.stderr
        assert "; hint: specs and studies are TOML: `batch_size = 64`, not `batch_size: 64`" in done.stderr


def test_other_faults_of_the_syntax_are_not_met_with_yaml(cli: Cli) -> None:
    Path("a.toml").write_text("[model\nname = 3\n")
    done = cli("spec", "check", "a.toml")
    assert (done.exit_code, "hint" in done.stderr) == (2, False)
    assert "a.toml: Expected ']'" in done.stderr


def test_a_study_named_as_yaml_is_looked_for_as_a_file(cli: Cli) -> None:
    Path("my.yaml").write_text("title: T\n")
    assert "studies are TOML" in cli("study", "show", "my.yaml").stderr
