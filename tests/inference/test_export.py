"""An exported model gives the probabilities of the original."""

import io
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import vitreport
from tests.models.small import NUM_CLASSES, SMALL_MODELS, small_model
from tests.records import data_record
from tests.spec.composing import composed
from vitreport.errors import RecordError, ResourceError, SpecError, VitreportError
from vitreport.files import write_atomic
from vitreport.inference import export
from vitreport.inference.classifier import Classifier
from vitreport.inference.export import EXTENSIONS, Format, export_model, measure_speeds, read_exported
from vitreport.runtime import Runtime
from vitreport.training.setup import build_network

BY_FORMAT = pytest.mark.parametrize("format_", list(EXTENSIONS))
SIDES = ((16, 16), (8, 8), (40, 30))


@pytest.fixture(autouse=True)
def _needs_the_extra(request: pytest.FixtureRequest) -> None:
    if "onnx" in request.node.name:
        pytest.importorskip("onnxruntime")


def images(count: int, height: int = 16, width: int = 16) -> Tensor:
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)


def untrained(name: str) -> Classifier:
    spec = composed({"model": small_model(name), "data": {"dataset": "digits", "image_size": 16}}, {}).spec
    return Classifier(build_network(spec), [spec.run_id], spec, data_record(spec)).eval()


def exported_for_all_sizes(name: str, format_: Format) -> export.Exported:
    """An export whose file was loaded and compared for batches and images of several sizes."""
    model, file = untrained(name), Path(f"it{EXTENSIONS[format_]}")
    exported = export_model(model, format_, [Path()])
    write_atomic(file, exported.content)
    loaded = vitreport.load_model(file)
    for fact in ("classes", "runs", "image_size", "spec"):
        assert getattr(loaded, fact) == getattr(model, fact)
    for count, (height, width) in enumerate(SIDES, start=1):
        batch = images(count, height, width)
        assert loaded(batch).shape == (count, NUM_CLASSES)
        torch.testing.assert_close(loaded(batch), model(batch), rtol=0, atol=1e-5)
        torch.testing.assert_close(loaded.predict(batch), model.predict(batch), rtol=0, atol=1e-5)
    return exported


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_every_architecture_is_exported_with_its_preprocessing(name: str) -> None:
    exported = exported_for_all_sizes(name, "torch-export")
    assert 0 <= exported.difference < 1e-6
    assert (exported.version.partition(" ")[0], exported.checked_on) == ("torch", "64 test images of digits")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "mlp-mixer" else pytest.mark.long) for name in SMALL_MODELS]
)
def test_every_architecture_is_exported_to_onnx(name: str) -> None:
    assert exported_for_all_sizes(name, "onnx").version.startswith("opset ")


def test_the_seeds_of_a_group_are_one_file(own_runs: list[Path], runtime: Runtime) -> None:
    model = vitreport.load_model(own_runs[0].name.removesuffix("-s0"), runtime.runs_dir)
    exported = export_model(model, "torch-export", [runtime.data_dir])
    assert exported.checked_on == "14 test images of pets"
    loaded, pixels = read_exported(exported.content, "torch-export"), images(3)
    assert loaded.runs == tuple(run.name for run in own_runs)
    torch.testing.assert_close(loaded.predict(pixels), model.predict(pixels), rtol=0, atol=1e-6)
    with pytest.raises(SpecError, match="an exported model has no attention maps"):
        loaded.attention(pixels)


def test_images_are_generated_where_the_dataset_is_not_here(own_runs: list[Path]) -> None:
    exported = export_model(vitreport.load_model(own_runs[0]), "torch-export", [Path()])
    assert exported.checked_on == "64 generated images"


def test_other_probabilities_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model, other = untrained("mlp-mixer"), untrained("mlp-mixer")
    other.network.head.bias.data[0] += 1  # type: ignore[index, operator, union-attr]
    monkeypatch.setattr(export, "read_exported", lambda *_: other)
    with pytest.raises(RecordError, match=r"^the exported model differs from the original by 0\.\d+ in a class"):
        export_model(model, "torch-export", [Path()])


@BY_FORMAT
def test_a_network_that_cannot_be_exported_is_one_line(format_: Format) -> None:
    class Unexportable(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return batch.flatten(1) if batch.sum().item() > 0 else batch

    model = untrained("mlp-mixer")
    model.network = Unexportable()
    with pytest.raises(SpecError) as caught:
        export_model(model, format_, [Path()])
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"mlp-mixer cannot be exported as {format_}: ")
    assert "hint: " in line


@pytest.mark.parametrize("content", [b"text", b""])
@BY_FORMAT
def test_another_file_is_no_model(format_: Format, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    file = Path(f"it{EXTENSIONS[format_]}")
    file.write_bytes(content)
    with pytest.raises(RecordError, match=f"^{file} is damaged or was not exported by vitreport; hint: export"):
        vitreport.load_model(file)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (PermissionError(13, "Permission denied"), RecordError, "cannot be read: permission denied"),
        (MemoryError(), ResourceError, "out of memory loading"),
    ],
)
def test_a_file_that_is_not_read_is_not_called_damaged(
    failure: Exception, kind: type[VitreportError], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> bytes:
        raise failure

    Path("it.pt2").touch()
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(kind, match=said):
        vitreport.load_model("it.pt2")


def test_memory_that_runs_out_is_not_the_fault_of_the_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch.export, "export", fail)
    with pytest.raises(ResourceError, match="out of memory exporting"):
        export_model(untrained("mlp-mixer"), "torch-export", [Path()])


def test_reading_onnx_needs_the_runtime_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    Path("it.onnx").write_bytes(b"text")
    with pytest.raises(RecordError, match=r"^it\.onnx is damaged"):
        vitreport.load_model("it.onnx")


def test_the_model_of_another_program_is_refused() -> None:
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(nn.Identity(), (torch.zeros(2),)), buffer)
    Path("it.pt2").write_bytes(buffer.getvalue())
    with pytest.raises(RecordError, match=r"^it\.pt2 is damaged or was not exported by vitreport"):
        vitreport.load_model("it.pt2")
    Path("it.bin").touch()
    with pytest.raises(SpecError, match=r"^unknown file extension: it\.bin; hint: use \.pt2 or \.onnx"):
        vitreport.load_model("it.bin")


def test_models_are_measured_in_turns() -> None:
    calls = list[tuple[int, int]]()
    models = [lambda batch, number=number: calls.append((number, len(batch))) for number in range(2)]
    speeds = measure_speeds(models, 8)  # type: ignore[arg-type]
    assert calls == [(number, size) for size in (1, 64) for _ in range(1 + export.ROUNDS) for number in range(2)]
    assert all(speed.latency_ms > 0 and speed.images_per_second > 0 for speed in speeds)
