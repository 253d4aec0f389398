"""What is said where the bits of a run may differ from those of another process."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.training.small import small_spec
from vitreport.runtime import Runtime
from vitreport.store.session import Session
from vitreport.store.train import train_run
from vitreport.training import device as devices
from vitreport.training.captured import CapturedStep
from vitreport.training.events import Listener

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
    assert Session.step_function(session) is None
    session.runtime = Runtime(cuda_graphs=True)
    assert isinstance(Session.step_function(session), CapturedStep) is (device == "cuda")
    assert notes.lines == ([] if device == "cuda" else ["--cuda-graphs has no effect without a GPU"])


@pytest.mark.parametrize(("device", "changed"), [("cpu", {"threads", "cudnn"}), ("cuda", {"cudnn"})])
def test_the_threads_of_a_processor_change_no_bits_on_a_gpu(device: str, changed: set[str]) -> None:
    session: Any = SimpleNamespace(device=torch.device(device), listener=Notes(), _fingerprint=lambda: dict(HERE))
    assert Session._changes(session, RECORDED).keys() == changed
