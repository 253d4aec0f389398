"""The benchmark for a GPU runs, and says what it has not measured."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_sharing
from benchmarks.gpu import main
from benchmarks.gpu_sharing import trials_a_minute
from benchmarks.train_vs_notebook import load


def test_benchmark_runs_without_a_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "results"
    main(["--device=cpu", "--quick", "--presets=perceiver-io-cifar10", f"--output={output}"])
    document = json.loads((output / "gpu.json").read_text())
    found = document["figures"]
    assert document["machine"]["device"] == "CPU"
    measured, batch_by_batch = found["measured"]
    assert [measured["way"], batch_by_batch["way"]] == ["kernels", "augmented batch by batch"]
    assert min(measured["seconds_a_step"], measured["evaluation_images_per_second"]) > 0
    assert measured["seconds_an_epoch"] > measured["seconds_a_step"]
    assert measured["launches_a_step"] is None
    assert set(found["notebook_epochs"]) == {"notebook", "vitreport"}
    assert "not run: perceiver-io-cifar10, graph: no GPU" in capsys.readouterr().out


def test_what_there_is_no_time_for_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--device=cpu", "--quick", "--minutes=-1", f"--output={tmp_path}"])
    told = capsys.readouterr().out
    assert "not run: swin-cifar10, kernels: out of time" in told
    assert "not run: notebook: out of time" in told


def test_a_job_beside_others_prints_its_speed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_sharing, "WARM_UP", 1)
    monkeypatch.setattr(gpu_sharing, "SECONDS", 0.01)
    main(["--device=cpu", "--job=1"])
    assert float(capsys.readouterr().out) > 0


def test_trials_in_one_process_have_a_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_sharing, "WARM_UP", 1)
    monkeypatch.setattr(gpu_sharing, "SECONDS", 0.01)
    assert trials_a_minute(2, load(None, 150, 40), torch.device("cpu")) > 0
