"""`vitreport models`: a list that is quick, and one architecture with what it takes."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Cli
from vitreport.cli.commands.spec import field_rows
from vitreport.spec.load import preset_facts, preset_names
from vitreport.spec.model import ARCHITECTURES

SMALL_MIXER = ("--set", "embed_dim=8", "--set", "num_blocks=1", "--set", "model.patch_size=4")


def shown(cli: Cli, *arguments: str) -> Any:
    done = cli("models", "show", *arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_fields_are_those_of_the_chosen_implementation(cli: Cli) -> None:
    small = ("--set", "embed_dim=8", "--set", "inner_dim=8", "--set", "depth=1")
    own = {
        name: {field["name"] for field in shown(cli, "tnt", *small, "--set", f"implementation={name}")["fields"]}
        for name in ("timm", "transformer-in-transformer")
    }
    assert "inner_heads" in own["timm"] - own["transformer-in-transformer"]
    assert own["transformer-in-transformer"] - own["timm"] == {"dim_head", "attn_dropout", "ff_dropout"}


def test_values_come_from_the_data_set_and_the_command_line(cli: Cli) -> None:
    found = shown(cli, "perceiver-io", "--dataset", "digits", "--set", "image_size=8", "--set", "depth=1")
    fields = {field["name"]: field for field in found["fields"]}
    assert (fields["dim"]["required"], fields["dim"]["value"]) == (True, 3 * 8 * 8)
    assert (fields["depth"]["default"], fields["depth"]["value"]) == (2, 1)


def test_a_screen_says_what_it_is_and_what_it_takes(cli: Cli) -> None:
    done = cli("models", "show", "mlp-mixer", *SMALL_MIXER)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0].startswith("mlp-mixer: MLP-Mixer (Tolstikhin et al. 2021, arXiv:2105.01601)")
    assert "embed_dim whole number at least 1 512 8" in lines
    assert "token_mlp_ratio number above 0 and at most 16 0.5 0.5" in lines


def test_presets_tell_their_first_fact(cli: Cli) -> None:
    lines = [
        " ".join(line.split())
        for line in cli("models", "show", "perceiver-io", "--dataset=digits", "--set=depth=1").stdout.splitlines()
    ]
    for name in preset_names():
        assert (f"{name} {preset_facts(name)[0]}" in lines) == name.startswith("perceiver-io-")


@pytest.mark.parametrize("architecture", ARCHITECTURES.values())
def test_every_field_of_every_architecture_can_be_put_in_words(architecture: Any) -> None:
    fields = list(field_rows(architecture))
    assert [field.name for field in fields] == [name for name in architecture.model_fields if name != "name"]
    assert all(field.type for field in fields)


def test_lists_and_ranges_are_in_words() -> None:
    fields = {field.name: field for architecture in ARCHITECTURES.values() for field in field_rows(architecture)}
    assert fields["depths"].type == "list of whole number at least 1"
    assert fields["drop_rate"].type == "number at least 0 and at most 1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["swim"], "model.name = 'swim': unknown name (from command line); hint: did you mean swin?"),
        (["timm/resnt18"], "model.architecture = 'resnt18': timm has no such model; hint: did you mean resnet18"),
        (["swin", "--set", "widow_size=4"], "widow_size: unknown field (from --set); hint: did you mean window_size"),
    ],
)
def test_what_cannot_be_shown_is_told(arguments: list[str], said: str, cli: Cli) -> None:
    done = cli("models", "show", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_an_architecture_of_timm_is_shown_by_its_name_there(cli: Cli) -> None:
    found = shown(cli, "timm/resnet10t", "--dataset", "digits")
    assert {field["name"]: field["value"] for field in found["fields"]}["architecture"] == "resnet10t"
