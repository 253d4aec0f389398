"""When a network is compiled: where that saves time by what was measured, and only in batches of the usual size."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.records import small_spec
from vitreport.errors import ResourceError
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.model import ARCHITECTURES
from vitreport.store.train import train_run
from vitreport.training import compilation
from vitreport.training.compilation import Gain, choose, compile_network, compile_only_sizes, measured_gains
from vitreport.training.events import Listener

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
SPEC = small_spec()
GAIN = Gain(training=1.25, evaluation=1.1, seconds=30, flops_per_second=1e9)
LONG = round(1e9 * 60 * 60)  # an hour, of which a fifth is saved


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {(SPEC.model.name, "cpu", SPEC.train.precision): GAIN}
    monkeypatch.setattr(compilation, "measured_gains", lambda: table)
    monkeypatch.setattr(compilation, "has_compiler", lambda device: True)


def test_a_long_training_is_compiled_and_a_short_one_is_not() -> None:
    assert choose("auto", SPEC, CPU, LONG) == (True, "it saves about 0:12:00 and takes about 0:00:30")
    assert choose("auto", SPEC, CPU, LONG // 100) == (False, "it saves about 0:00:07 and takes about 0:00:30")


def test_no_network_is_compiled_whose_gain_is_unknown_or_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not choose("auto", SPEC, GPU, LONG).compiles
    assert not choose("auto", small_spec(train={"precision": "bfloat16"}), CPU, LONG).compiles
    table = {(SPEC.model.name, "cpu", SPEC.train.precision): GAIN._replace(training=0.9)}
    monkeypatch.setattr(compilation, "measured_gains", lambda: table)
    assert choose("auto", SPEC, CPU, LONG) == (False, "it does not make this model faster")


def test_the_user_and_the_record_decide_first() -> None:
    assert choose("on", SPEC, GPU, 0).compiles
    assert not choose("off", SPEC, CPU, LONG, recorded="yes").compiles
    assert not choose("auto", SPEC, CPU, LONG, recorded="no").compiles
    assert choose("auto", SPEC, GPU, 0, recorded="yes").compiles


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("CXX", "/nonexistent")
    assert choose("auto", SPEC, CPU, LONG, recorded="yes") == (False, "there is no compiler")


def test_the_table_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for (architecture, device, precision), gain in measured_gains().items():
        assert architecture in ARCHITECTURES
        assert device in ("cpu", "cuda")
        assert precision in ("float32", "bfloat16")
        assert min(gain) > 0


class _Doubling(nn.Module):
    """Doubles, and counts its calls in a buffer, as batch normalization does."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return images * self.factor


def test_batches_of_other_sizes_are_not_compiled() -> None:
    model, seen = _Doubling(), list[int]()

    def compiled(images: Tensor) -> Tensor:
        seen.append(len(images))
        return model.forward(images)

    model._compiled_call_impl = compiled
    compile_only_sizes(model, {4, 8})
    for count in (4, 3, 8, 1):
        assert torch.equal(model(torch.ones(count)), torch.full((count,), 2.0))
    assert seen == [4, 8]


def test_compiling_leaves_weights_and_buffers_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nn.Module, "compile", lambda self, dynamic: setattr(self, "_compiled_call_impl", self.forward))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    model = _Doubling()
    compile_network(model, torch.zeros(4), "float32", 8, tmp_path)
    assert (model.calls.item(), model.factor.item(), model.factor.grad) == (0, 2, None)


@pytest.fixture
def _failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ResourceError("torch.compile failed: no", "")

    monkeypatch.setattr(compilation, "compile_network", fail)
    monkeypatch.setattr(compilation, "choose", lambda *given: compilation.Choice(compiles=True, reason="long"))


class _Notes(Listener):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)


@pytest.mark.usefixtures("_failing")
def test_if_compiling_fails_a_run_is_trained_and_recorded_without(tmp_path: Path) -> None:
    listener, runtime = _Notes(), Runtime("cpu", tmp_path, tmp_path, tmp_path, 1)
    spec = small_spec(data={"limit": 200}, train={"epochs": 1})
    record = read_run(train_run(spec, runtime, force=False, argv=(), listener=listener)).record
    assert "warning: training without compiling: torch.compile failed: no" in listener.notes
    assert record
    assert (record.status, record.fingerprint["compile"]) == ("done", "no")


@pytest.mark.usefixtures("_failing")
def test_a_failure_is_an_error_if_compiling_was_asked_for(tmp_path: Path) -> None:
    runtime = Runtime("cpu", tmp_path, tmp_path, tmp_path, 1, compile="on")
    with pytest.raises(ResourceError):
        train_run(SPEC, runtime, force=False, argv=(), listener=Listener())
