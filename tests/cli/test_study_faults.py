"""What is wrong in a study's file or in a request for it is refused, each fault with its place."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_study import FILE, STUDY
from tests.cli.small_study import study as study
from tests.commands import Completed


def refused(done: Completed, *said: str) -> None:
    assert (done.exit_code, done.stdout) == (2, "")
    assert [text for text in said if text not in done.stderr] == []
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("study", "show", "small"),
            ["unknown study 'small'; hint: did you mean small-images? (the name of a file must end with .toml)"],
        ),
        (("study", "show", "none.toml"), ["none.toml is missing"]),
        (("study", "status", FILE, "--only", "mixer,"), ["--only = '': no such run or ablation in the study"]),
        (
            ("study", "status", FILE, "--only", "mixr"),
            ["--only = 'mixr': no such run or ablation in the study", "mean mixer"],
        ),
        (("study", "run", FILE, "--set", "epoch=1"), ["epoch: unknown field (from --set)", "did you mean epochs"]),
        (("study", "run", FILE, "--set", "seed=1"), ["seed: a sweep takes its seeds from --seeds"]),
        (("study", "run", FILE, "--seeds", "none"), ["--seeds = 'none': must be 1 to 10,000 different"]),
        (("study", "run", FILE, "--only", "mixerr"), ["--only = 'mixerr': no such run or ablation"]),
        (("report", "--study", FILE, "mixer"), ["runs cannot be named with --study: mixer"]),
        (("report", "--set", "epochs=1"), ["--only, --set and --seeds need --study"]),
        (("report", "--seeds", "3"), ["--only, --set and --seeds need --study"]),
    ],
)
def test_a_wrong_request_is_refused(arguments: tuple[str, ...], said: list[str], cli: Cli) -> None:
    done = cli(*arguments)
    refused(done, *said)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ('model = "mlp-mixer"', 'model = "mlp-mixr"'),
            ["ablations.\"mixer/batch\": model.name = 'mlp-mixr': unknown name"],
        ),
        (("limit = 40", "limt = 40"), ["runs.mixer: limt: unknown field", "did you mean limit"]),
        (("limit = 40", "limit = 0"), ["runs.mixer: data.limit = 0: must be"]),
        (("limit = 40", "seed = 4"), ["runs.mixer: seed: a sweep takes its seeds from --seeds"]),
        (('dataset = "digits"\nset', 'dataset = "digist"\nset'), ["'digist': unknown dataset", "mean digits?"]),
        (
            ('"digits", set', '"digits", preset = "swin-digits", set'),
            ["runs.mixer: preset = swin-digits: is not a preset for"],
        ),
        (('"digits", set', '"digits", preset = "mixer-digits", set'), ["runs.mixer: preset = 'mixer-digits': unknown"]),
        (("[10, 20]", "[10, -3]"), ['ablations."mixer/batch": train.batch_size = -3: must be']),
        (("patch_size = 4", "patch_size = 3"), ["runs.mixer: model.patch_size"]),
    ],
)
def test_a_fault_of_a_part_is_told_by_its_place_in_the_file(change: tuple[str, str], said: list[str], cli: Cli) -> None:
    Path(FILE).write_text(STUDY.replace(*change))
    done = cli("study", "status", FILE)
    refused(done, *said)
    assert all("(from my.toml)" in line for line in done.stderr.splitlines())


FORM = """
titel = "Six faults"
claims = [
    { of = "mixr", value = 57.1, source = "a paper" },
    { of = "mixer", value = 0.5, sourse = "a paper" },
]
[runs]
swin = { modle = "swin", dataset = "digits" }
"""
FORM_FAULTS = {
    "titel": "mean title?",
    "title": "is missing",
    "claims.0.value = 57.1": "must be",
    "claims.1.source": "is missing",
    "claims.1.sourse": "mean source?",
    "runs.swin.model": "is missing",
    "runs.swin.modle": "mean model?",
}
NAMES = """
title = "Eleven faults"
claims = [
    { of = "mixr", value = 0.5, source = "a paper" },
    { of = "mixer", value = 0.5, source = "a paper", fault = "leek" },
]
[faults]
leak = "the paper chose by its test images"
[runs]
mixer = { model = "mlp-mixer", dataset = "digits", set = { limt = 3, epochs = "ten" } }
swin = { model = "swin", dataset = "digits" }
tnt = { model = "tnt", dataset = "digist", preset = "tnt-digit" }
[ablations.batch]
model = "swin"
dataset = "digist"
params = { batch_size = [0, 16], lerning_rate = [1e-3] }
[[sections]]
title = "All"
runs = ["mixer", "swim", "tnt"]
"""
NAME_FAULTS = {
    "claims.0.of = 'mixr'": "mean mixer?",
    "claims.1.fault = 'leek'": "mean leak?",
    "runs.mixer: limt": "mean limit?",
    "runs.mixer: train.epochs = 'ten'": "must be",
    "runs.tnt: preset = 'tnt-digit'": "mean tnt-digits",
    "runs.tnt: data.dataset = 'digist'": "mean digits?",
    "ablations.batch: data.dataset = 'digist'": "mean digits?",
    "ablations.batch: train.batch_size = 0": "must be",
    "ablations.batch.params.lerning_rate": "mean learning_rate?",
    "sections.0.runs = 'swim'": "mean swin?",
    "runs.swin": "is in no sections",
    "ablations.batch": "is in no sections",
}


@pytest.mark.parametrize("command", [("show",), ("status",), ("run", "--dry-run")], ids=lambda words: words[0])
@pytest.mark.parametrize(("text", "faults"), [(FORM, FORM_FAULTS), (NAMES, NAME_FAULTS)], ids=["form", "names"])
def test_every_fault_of_a_file_is_reported_in_two_rounds(
    text: str, faults: dict[str, str], command: tuple[str, ...], cli: Cli
) -> None:
    """First those of its form, then those of the names in it and of the fields and values of its runs."""
    Path(FILE).write_text(text)
    done = cli("study", command[0], FILE, *command[1:])
    refused(done, *faults.values())
    lines = done.stderr.splitlines()
    assert [place for place in faults if not any(line.startswith(f"error: {place}: ") for line in lines)] == []
    assert len(lines) == len(faults)


def test_what_is_asked_for_is_told_with_the_faults_of_the_file(cli: Cli) -> None:
    Path(FILE).write_text(STUDY.replace("limit = 40", "limt = 40"))
    done = cli("study", "status", FILE, "--only", "mixr", "--only", "wide", "--seeds", "x", "--set", "epoch=1")
    told = [
        "--only = 'mixr': no such run or ablation in the study",
        "runs.wide: limt",
        "--seeds = 'x'",
        "epoch: unknown field",
    ]
    refused(done, *told)
    assert len(done.stderr.splitlines()) == len(told)


def test_a_name_that_only_cannot_give_is_refused(cli: Cli) -> None:
    Path(FILE).write_text(STUDY.replace("wide = {", '"wide, or not" = {').replace('"wide"', '"wide, or not"'))
    said = "the name contains a comma, which separates the names of --only (from my.toml); hint: choose another name"
    refused(cli("study", "show", FILE), f'runs."wide, or not": {said}')


def test_an_image_folder_that_is_missing_hides_no_fault_of_the_file(cli: Cli) -> None:
    own = '[runs.own]\nmodel = "mlp-mixer"\ndataset = "./nowhere"\n'
    text = STUDY.partition("[[sections]]")[0].replace("[ablations", f"{own}[ablations", 1)
    Path(FILE).write_text(text)
    assert cli("report", "--study", FILE).exit_code == 3
    Path(FILE).write_text(text.replace("limit = 40", "limt = 40"))
    refused(cli("report", "--study", FILE), "runs.mixer: limt")
