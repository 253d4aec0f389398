"""What is said where the bits of a run may differ from those of another process."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.training.small import small_spec
from vitreport.runtime import Runtime
from vitreport.store.session import Session, train_run
from vitreport.training import device as devices
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


@pytest.mark.parametrize(("device", "changed"), [("cpu", {"threads", "cudnn"}), ("cuda", {"cudnn"})])
def test_the_threads_of_a_processor_change_no_bits_on_a_gpu(device: str, changed: set[str]) -> None:
    session: Any = SimpleNamespace(device=torch.device(device), listener=Notes(), _fingerprint=lambda: dict(HERE))
    assert Session._changes(session, RECORDED).keys() == changed
