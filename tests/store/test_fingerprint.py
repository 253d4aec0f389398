"""What is said where the bits of a run may differ from those of another process."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.models.small import small_model
from tests.training.small import small_spec
from vitreport.runtime import Runtime
from vitreport.store.session import Session
from vitreport.store.train import train_run
from vitreport.training import device as devices
from vitreport.training.cuda_graphs import GraphedStep
from vitreport.training.events import Listener
from vitreport.training.loop import train_step

RECORDED, HERE = {"threads": "1", "cudnn": "90000"}, {"threads": "2", "cudnn": "91000"}


class Notes(Listener):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_a_network_without_a_deterministic_version_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "is_deterministic", lambda device: False)
    notes, runtime = Notes(), Runtime(device="cpu", threads=1, runs_dir=tmp_path, cache_dir=tmp_path / "cache")
    train_run(small_spec(train={"epochs": 1}), runtime, force=False, argv=(), listener=notes)
    assert notes.lines[0].startswith("warning: this network is not deterministic on a GPU")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_steps_are_recorded_as_a_graph_if_the_runtime_says_so_and_there_is_a_gpu(device: str) -> None:
    notes = Notes()
    session: Any = SimpleNamespace(device=torch.device(device), listener=notes, runtime=Runtime(), spec=small_spec())
    assert Session.step_function(session) is train_step
    session.runtime = Runtime(cuda_graphs=True)
    assert isinstance(Session.step_function(session), GraphedStep) is (device == "cuda")
    assert notes.lines == ([] if device == "cuda" else ["--cuda-graphs has no effect without a GPU"])


@pytest.mark.parametrize(("device", "changed"), [("cpu", {"threads", "cudnn"}), ("cuda", {"cudnn"})])
def test_the_threads_of_a_processor_change_no_bits_on_a_gpu(device: str, changed: set[str]) -> None:
    session: Any = SimpleNamespace(device=torch.device(device), listener=Notes(), _fingerprint=lambda: dict(HERE))
    assert Session._changes(session, RECORDED).keys() == changed


@pytest.mark.parametrize(("model", "layout"), [("timm", {"layout": "channels last"}), ("mlp-mixer", {})])
def test_the_layout_of_a_convolutional_network_is_recorded(model: str, layout: dict[str, str], tmp_path: Path) -> None:
    runtime = Runtime(device="cpu", threads=1, runs_dir=tmp_path, cache_dir=tmp_path / "cache")
    spec = small_spec(model=small_model(model), train={"epochs": 1})
    folder = train_run(spec, runtime, force=False, argv=(), listener=Notes())
    recorded = json.loads((folder / "run.json").read_text())["fingerprint"]
    assert {name: value for name, value in recorded.items() if name == "layout"} == layout


def test_a_record_without_a_layout_had_the_usual_one() -> None:
    here = {"layout": "channels last"}
    session: Any = SimpleNamespace(device=torch.device("cpu"), listener=Notes(), _fingerprint=lambda: here)
    assert Session._changes(session, {}) == {"layout": ("channels first", "channels last")}
