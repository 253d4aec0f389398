"""Each runtime option can be set by its environment variable, in every command."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.surface import commands
from tests.records import small_spec, write_run
from vitreport.runtime import OPTIONS, VARIABLES

VALUES = {
    "VITREPORT_DEVICE": "cpu",
    "VITREPORT_THREADS": "1",
    "VITREPORT_COMPILE": "off",
    "VITREPORT_CUDA_GRAPHS": "0",
    "VITREPORT_TRIALS_PER_JOB": "1",
    "VITREPORT_DATA_DIR": "data",
    "VITREPORT_CACHE_DIR": "cache",
    "VITREPORT_RUNS_DIR": "records",
    "VITREPORT_CHECKPOINT_SECONDS": "5",
    "VITREPORT_GPUS": "1",
    "VITREPORT_BATCH_NORM": "local",
    "VITREPORT_ENGINE": "slurm",
    "VITREPORT_ENGINE_OPTION": "partition=gpu time=60",
    "VITREPORT_DEBUG": "1",
}
SWIN = "swin --dataset digits --set embed_dim=8 --set depths=[1] --set num_heads=[1] --set window_size=2"
CALLS = {
    "train": f"{SWIN} --dry-run",
    "ablate": "mlp-mixer --dataset digits --param batch_size 64 --seeds 1 --dry-run",
    "eval": "--help",
    "predict": "--help",
    "explain": "--help",
    "report": "--no-assets",
    "plot": "perceiver -o curves.svg",
    "runs list": "",
    "runs show": "perceiver",
    "runs diff": "perceiver perceiver",
    "runs export": "",
    "runs delete": "perceiver --dry-run",
    "runs gc": "--dry-run",
    "export-model": "--help",
    "push": "--help",
    "study list": "",
    "study show": "digits",
    "study status": "digits",
    "study run": "digits --dry-run",
    "spec fields": "",
    "spec check": "my.toml",
    "spec show": "swin --dataset digits",
    "datasets list": "",
    "datasets verify": "digits",
    "models list": "",
    "models show": SWIN,
    "doctor": "",
}


def test_every_variable_and_every_command_is_tried_here() -> None:
    assert {option.variable for option in OPTIONS} == VARIABLES == set(VALUES)
    assert {words for words, each in commands().items() if not getattr(each, "no_args_is_help", not words)} == set(
        CALLS
    )


def test_every_variable_of_an_option_is_one_of_the_runtime() -> None:
    given = {parameter.envvar for each in commands().values() for parameter in each.params if parameter.envvar}
    assert given < VARIABLES


@pytest.mark.parametrize("words", CALLS)
def test_a_command_understands_all_variables(words: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(Path("records"), small_spec())
    Path("my.toml").write_text('model.name = "swin"')
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    # the dry runs would ask a Slurm that is installed
    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.PROGRAMS", ("no-such-program",))
    done = cli(*words.split(), *CALLS[words].split())
    assert (done.exit_code, "error" in done.stderr) == (0, False), done.stderr


def test_a_variable_is_worth_what_its_option_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITREPORT_RUNS_DIR", "here")
    assert "no such directory: here" in cli("report", "--no-assets").stderr
    monkeypatch.setenv("VITREPORT_DEVICE", "tpu")
    assert "VITREPORT_DEVICE = 'tpu': unknown device" in cli("train", *SWIN.split()).stderr
    monkeypatch.setenv("VITREPORT_THREADS", "0")
    assert cli("train", *SWIN.split()).exit_code == 2
