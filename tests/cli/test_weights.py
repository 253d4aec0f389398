"""`--weights` and the hub's weights, from the command line to the record."""

import hashlib
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import safetensors.torch
import timm
import torch

from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.commands import vitreport
from tests.data.makers import write_folder
from tests.models.test_weights import Payload
from vitreport.cli.main import run

MIXER = (
    "train",
    "mlp-mixer",
    "--dataset=digits",
    "--set=data.image_size=8",
    "--set=model.patch_size=4",
    "--set=model.embed_dim=8",
    "--set=model.num_blocks=1",
    "--set=data.limit=40",
    "--batch-size=18",
    "--epochs=1",
)
RESNET = (
    "train",
    "timm/resnet10t",
    "--dataset=digits",
    "--set=data.image_size=32",
    "--set=data.limit=40",
    "--batch-size=18",
    "--epochs=1",
    "--set=model.pretrained=true",
)
HUB_CACHE = Path("hub/hub")


def trained(cli: Cli, *arguments: str) -> Path:
    done = cli(*arguments, "--quiet")
    assert done.exit_code == 0, done.stderr
    return Path(done.stdout.strip())


def record(run: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((run / "run.json").read_text())
    return values


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def first_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, trained once for all tests."""
    folder = tmp_path_factory.mktemp("first")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert run([*MIXER, "--quiet", f"--runs-dir={folder}"]) == 0
    return folder


@pytest.fixture
def weights(first_runs: Path) -> Path:
    """Those of a run, which another one starts from."""
    shutil.copytree(first_runs, "first")
    (weights,) = Path("first").glob("*/best.safetensors")
    return weights


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with HF_HUB_OFFLINE=1 and HF_HOME=hub, which the hub's client reads when it is imported."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(HUB_CACHE))


def test_a_run_starts_from_the_weights_of_another(weights: Path, cli: Cli) -> None:
    fresh, tuned = trained(cli, *MIXER), trained(cli, *MIXER, "--weights", str(weights))
    assert fresh.name == weights.parent.name != tuned.name
    assert record(fresh)["weights"] is None
    assert json.loads((tuned / "spec.json").read_text())["model"]["pretrained"] == f"sha256:{digest_of(weights)}"
    tensors = len(safetensors.torch.load_file(weights))
    assert record(tuned)["weights"] == {
        "source": "best.safetensors",
        "sha256": digest_of(weights),
        "loaded": tensors,
        "missing": [],
        "unexpected": [],
        "reshaped": [],
        "reclassed": [],
        "classifier": "same classes",
    }
    loaded = f"{tensors} tensors from best.safetensors (sha256 {digest_of(weights)[:12]})"
    assert f"{loaded}; classifier: loaded, with the same classes" in cli("runs", "show", tuned.name).stdout


def test_the_classifier_of_another_data_set_is_not_kept(weights: Path, cli: Cli) -> None:
    write_folder(Path("beasts"), classes=tuple(f"beast {number}" for number in range(10)), size=8)
    arguments = [argument for argument in MIXER if not argument.startswith(("--dataset", "--set=data.limit"))]
    done = cli(*arguments, "--dataset=./beasts", "--weights", str(weights))
    assert done.exit_code == 0, done.stderr
    tensors = len(safetensors.torch.load_file(weights))
    said = f"weights: {tensors - 2} tensors from best.safetensors (sha256 {digest_of(weights)[:12]})"
    assert f"{said}; random (different classes): head.weight and head.bias" in done.stderr.splitlines()
    found = record(Path(done.stdout.strip()))["weights"]
    assert (found["classifier"], found["reclassed"]) == ("fresh", ["head.weight", "head.bias"])
    shown = cli("runs", "show", Path(done.stdout.strip()).name).stdout
    assert "random (different classes): head.weight, head.bias" in shown


def test_weights_of_a_training_that_diverged_are_refused(weights: Path, cli: Cli) -> None:
    tensors = safetensors.torch.load_file(weights)
    tensors["head.bias"][3] = torch.nan
    safetensors.torch.save_file(tensors, "nan.safetensors")
    said = "nan.safetensors has NaN or infinite values in 1 of its tensors: head.bias"
    refused(cli(*MIXER, "--weights", "nan.safetensors"), 4, said)
    assert not Path("runs").exists()


def test_the_same_weights_in_another_place_are_the_same_run(weights: Path, cli: Cli) -> None:
    tuned = trained(cli, *MIXER, "--weights", str(weights))
    shutil.move(weights, "elsewhere.safetensors")
    again = cli(*MIXER, "--weights", "elsewhere.safetensors")
    assert "is already done" in again.stderr
    assert again.stdout.strip() == str(tuned)


def test_a_run_that_was_begun_needs_its_weights_no_more(weights: Path, cli: Cli) -> None:
    tuned = trained(cli, *MIXER, "--weights", str(weights), "--checkpoint-seconds=0")
    weights.unlink()
    result = (tuned / "result.json").read_bytes()
    (tuned / "result.json").unlink()
    assert trained(cli, "train", "--spec", str(tuned / "spec.json")) == tuned
    assert (tuned / "result.json").read_bytes() == result
    assert record(tuned)["weights"]["source"] == "best.safetensors"
    assert json.loads(cli("eval", tuned.name, "--json").stdout)["agrees"] is True


def test_what_was_taken_is_told(weights: Path, cli: Cli) -> None:
    tensors = safetensors.torch.load_file(weights)
    safetensors.torch.save_file({**tensors, "head.bias": torch.zeros(3)}, "three.safetensors")
    done = cli(*MIXER, "--weights", "three.safetensors")
    loaded = f"{len(tensors) - 1} tensors from three.safetensors (sha256 {digest_of(Path('three.safetensors'))[:12]})"
    said = f"{loaded}; random (different shape): head.bias"
    assert f"weights: {said}" in done.stderr.splitlines()
    assert said in cli("runs", "show", Path(done.stdout.strip()).name).stdout


def test_a_sweep_tells_what_the_weights_change(weights: Path) -> None:
    digest = f"sha256:{digest_of(weights)}"
    values = f'--param=model.pretrained=false,"{digest}"'
    sweep = (*MIXER[1:-2], "--set=batch_size=18", "--set=epochs=1", values, "--seeds=1")
    done = vitreport("ablate", *sweep, "--weights", str(weights))
    assert done.exit_code == 0, done.stderr
    taken = [record(path.parent)["weights"] for path in Path("runs").glob("*/run.json")]
    assert sorted(each["sha256"] if each else "" for each in taken) == ["", digest_of(weights)]


def test_weights_that_are_not_given_are_asked_for(weights: Path, cli: Cli) -> None:
    digest = digest_of(weights)
    done = cli(*MIXER, f"--set=model.pretrained=sha256:{digest}")
    refused(
        done,
        2,
        "model.pretrained: the weights file to start from is missing",
        f"use --weights FILE (sha256 {digest[:12]}",
    )
    other = cli(*MIXER, f"--set=model.pretrained=sha256:{'0' * 64}", "--weights", str(weights))
    refused(other, 4, f"is another file than model.pretrained: sha256 {digest[:12]}, not {'0' * 12}")
    assert not Path("runs").exists()


def test_weights_that_cannot_be_used(cli: Cli) -> None:
    torch.save({"model": Payload()}, "payload.pth")
    refused(cli(*MIXER, "--weights", "payload.pth"), 4, "payload.pth was not loaded: it contains more than weights")
    assert not Path("executed").exists()
    torch.save({"layer.weight": torch.ones(2)}, "other.pth")
    said = ["other.pth does not fit the network: 0 of", "missing: stem.proj.weight", "not in the network: layer.weight"]
    refused(cli(*MIXER, "--weights", "other.pth"), 4, *said)
    refused(cli(*MIXER, "--weights", "none.pth"), 2, "--weights none.pth is missing")
    refused(cli(*MIXER, "--weights", "."), 4, "--weights . is not a regular file")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("true", "(true works only for timm architectures)"),
        ("sha256:12", "64 hexadecimal digits"),
        ("1", "must be false"),
    ],
)
def test_a_value_that_names_no_weights(value: str, said: str, cli: Cli) -> None:
    refused(cli(*MIXER, f"--set=model.pretrained={value}"), 2, "model.pretrained = ", said)


@pytest.mark.usefixtures("offline")
def test_the_hub_out_of_reach_is_told_with_what_to_do(cli: Cli) -> None:
    done = cli(*RESNET)
    refused(done, 6, "timm's weights of resnet10t cannot be loaded: ", "; hint: ", "hub/hub", "--weights FILE")
    assert done.stderr.count("\n") == 1
    assert not Path("runs").exists()


def test_an_architecture_without_weights_on_the_hub(cli: Cli) -> None:
    refused(
        cli("train", "timm/mixer_s32_224", *RESNET[2:]), 2, "model.pretrained: timm has no weights of mixer_s32_224"
    )


@pytest.mark.usefixtures("offline")
def test_weights_in_the_hubs_cache_are_used(cli: Cli) -> None:
    """A cache as the hub's client lays it out, with weights for a thousand classes."""
    published = timm.get_pretrained_cfg("resnet10t")
    repository = HUB_CACHE / f"models--{published.hf_hub_id.replace('/', '--')}"
    for folder in ("refs", "snapshots/1"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs/main").write_text("1")
    tensors = {name: tensor.contiguous() for name, tensor in timm.create_model("resnet10t").state_dict().items()}
    content = safetensors.torch.save(tensors)
    (repository / "snapshots/1/model.safetensors").write_bytes(content)
    done = cli(*RESNET)
    assert done.exit_code == 0, done.stderr
    trained_run = Path(done.stdout.strip())
    assert trained_run.name.startswith("timm-resnet10t-digits-")
    assert record(trained_run)["weights"] == {
        "source": "timm/resnet10t.c3_in1k",
        "sha256": hashlib.sha256(content).hexdigest(),
        "loaded": len(tensors) - 2,
        "missing": [],
        "unexpected": [],
        "reshaped": ["fc.weight", "fc.bias"],
        "reclassed": [],
        "classifier": "fresh",
    }
    assert done.stderr.splitlines()[:1] == [
        'warning: timm/resnet10t.c3_in1k was trained with data.normalization = "imagenet", '
        'this run normalizes with "dataset"',
    ]
    (repository / "snapshots/1/model.safetensors").write_bytes(content[:1000])
    refused(cli(*RESNET, "--seed=1"), 6, "timm's weights of resnet10t cannot be loaded")
