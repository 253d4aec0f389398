"""`vitreport export-model`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import vitreport
from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.test_contracts import ROOT
from vitreport.inference import export

CLASSES = [str(digit) for digit in range(10)]


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(home / "cache"))
    return next((home / "runs").iterdir())


def test_a_torch_file_needs_no_vitreport(run: Path, cli: Cli) -> None:
    done = cli("export-model", str(run))
    assert (done.exit_code, done.stderr) == (0, "")
    file = f"{run.name}.pt2"
    shown = dict(line.split("  ", 1) for line in done.stdout.splitlines() if line)
    assert (shown["file"].strip(), shown["checked on"].strip()) == (file, "64 test images of digits")
    facts = dict.fromkeys(("classes", "runs", "image_size", "spec"), "")
    program = torch.export.load(file, extra_files=facts)
    batch = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(program.module()(batch), vitreport.load_model(run)(batch), rtol=0, atol=1e-5)
    assert [json.loads(facts[key]) for key in ("classes", "runs", "image_size")] == [CLASSES, [run.name], 8]
    assert json.loads(facts["spec"])["model"]["name"] == "perceiver-io"


def test_an_onnx_file_needs_no_vitreport(run: Path, cli: Cli) -> None:
    """As the guide shows it."""
    pytest.importorskip("onnxruntime")
    done = cli("export-model", str(run), "-o", "digits.onnx", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["file"], found["runs"], found["format"]) == ("digits.onnx", [run.name], "onnx")
    assert (found["schema_version"], found["bytes"], found["speeds"]) == (1, Path("digits.onnx").stat().st_size, None)
    assert found["version"].startswith("opset ")
    assert 0 <= found["largest_difference"] < 1e-5
    guide = (ROOT / "docs/guides/export-model.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n([^`]*onnxruntime.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    expected = vitreport.load_model(run)(torch.from_numpy(names["images"]))
    torch.testing.assert_close(torch.from_numpy(names["logits"]), expected, rtol=0, atol=1e-4)
    assert [each.shape for each in names["session"].get_inputs()] == [["batch", 3, "height", "width"]]
    facts = names["session"].get_modelmeta().custom_metadata_map
    assert [json.loads(facts[key]) for key in ("classes", "runs", "image_size")] == [CLASSES, [run.name], 8]


def test_speeds_are_shown_of_both(run: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROUNDS", 1)
    *_, head, original, exported = cli("export-model", str(run), "--measure").stdout.splitlines()
    assert head.split("  ")[0] == "CPU"
    assert [line.split()[::2] for line in (original, exported)] == [["original", "ms"], ["exported", "ms"]]


def test_the_extra_is_named_before_anything_is_done(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(cli("export-model", "x", "--format", "onnx"), 6, 'onnx is missing; hint: run pip install "vitreport[onnx]"')


@pytest.mark.parametrize(("output", "code"), [("no/it.pt2", 6), (".", 2), ("it.tflite", 2)])
def test_a_place_that_cannot_be_written_is_named(output: str, code: int, run: Path, cli: Cli) -> None:
    refused(cli("export-model", str(run), "-o", output), code, output)


def test_a_file_has_the_extension_of_its_format(run: Path, cli: Cli) -> None:
    done = cli("export-model", str(run), "--format", "torch-export", "-o", "it.onnx")
    refused(done, 2, "a file of torch-export ends with .pt2: it.onnx; hint: change --format")
    assert not Path("it.onnx").exists()


def test_an_extension_may_be_in_capitals(run: Path, cli: Cli) -> None:
    assert cli("export-model", str(run), "-o", "it.PT2").exit_code == 0
    Image.new("RGB", (8, 8)).save("a.png")
    assert cli("predict", "it.PT2", "a.png", "--top", "1").exit_code == 0
    refused(
        cli("export-model", str(run), "--format", "torch-export", "-o", "it.ONNX"), 2, "a file of torch-export ends"
    )


def test_an_unknown_extension_is_answered_with_both_known_ones(run: Path, cli: Cli) -> None:
    refused(cli("export-model", str(run), "-o", "it.tflite"), 2, "unknown file extension: it.tflite; hint: use .pt2 or")


@pytest.mark.parametrize("words", [["export-model"], ["eval"], ["explain", "-o", "a.png"], ["push", "me/it"]])
@pytest.mark.parametrize("file", ["it.onnx", "./it.pt2", "it.PT2"])
def test_an_exported_model_is_no_run(words: list[str], file: str, cli: Cli) -> None:
    name, *rest = words
    refused(cli(name, file, *rest), 2, f"no such file: {file}; hint: see `vitreport runs list`")
    Path(file).write_bytes(b"")
    refused(cli(name, file, *rest), 2, f"{file} is an exported model, not a run; hint: give the run or the group it")
