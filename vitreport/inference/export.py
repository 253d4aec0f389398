"""Export a trained model with its preprocessing to a file that can be used without vitreport, and load such files."""

import io
import json
import logging
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.export.pt2_archive import is_pt2_package

from vitreport.data.registry import ImageRequest
from vitreport.data.sources import locate, open_without_download
from vitreport.errors import RecordError, SpecError
from vitreport.export.table import check_extra
from vitreport.formatting import counted
from vitreport.inference.classifier import Classifier
from vitreport.models.weights import library_errors, reason_of
from vitreport.records.folders import EXPORTED
from vitreport.records.upgrade import parse
from vitreport.runtime import Runtime
from vitreport.spec.data import CHANNELS
from vitreport.spec.run import RunSpec
from vitreport.training.device import memory_errors
from vitreport.untrusted_files import reading_errors

Format = Literal["torch-export", "onnx"]
EXTENSIONS: Mapping[Format, str] = dict(zip(get_args(Format), EXPORTED, strict=True))
KEYS = ("runs", "classes", "image_size", "spec")
INPUT, OUTPUT = "images", "logits"
ANY_SIZE = {0: "batch", 2: "height", 3: "width"}
CHECKED_IMAGES = 64
TOLERANCE = 1e-4  # of a class probability
BATCH_SIZES = (1, 64)
ROUNDS = 15

Call = Callable[[Tensor], Tensor]


class ExportedClassifier(Classifier):
    """The model in an exported file. It runs on the CPU and takes uint8 images (N, 3, H, W)."""

    def __init__(self, call: Call, metadata: Mapping[str, str]) -> None:
        nn.Module.__init__(self)  # its network is in the file
        self.call, self.spec = call, parse(RunSpec, metadata["spec"].encode())
        self.classes, self.runs = (tuple(json.loads(metadata[key])) for key in ("classes", "runs"))
        self.image_size = self.spec.data.image_size
        self.register_buffer("mean", torch.zeros(CHANNELS))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, classes) of images (N, 3, H, W)."""
        return self.call(images)

    def attention(self, images: Tensor) -> Tensor:
        """Raise SpecError: the file does not say which part of the network attends to what."""
        raise SpecError("an exported model has no attention maps", "load the run")


@dataclass(frozen=True)
class Exported:
    """An exported model: its file, the version of the format, and how it was compared with the original."""

    content: bytes
    version: str
    checked_on: str
    difference: float
    """The largest difference of a class probability."""


@dataclass(frozen=True)
class Speed:
    """The median speeds of a model: milliseconds for a single image, and images/s in larger batches."""

    latency_ms: float
    images_per_second: float


def export_model(model: Classifier, format_: Format, data_dirs: Sequence[Path]) -> Exported:
    """Export a model that is on the CPU, and compare the result with it.

    Raises:
        ResourceError: If a package of the extra `onnx` is missing.
        SpecError: If the architecture cannot be exported to this format.
        RecordError: If the exported model gives different probabilities.
    """
    content, version = _exported(model, format_)
    images, checked_on = _images(model, data_dirs)
    exported = read_exported(content, format_)
    with torch.inference_mode():
        expected, one = model(images).softmax(1), exported(images[:1])
        differences = (torch.cat([exported(images), one]).softmax(1) - torch.cat([expected, expected[:1]])).abs()
    if not (difference := differences.max().item()) <= TOLERANCE:
        fault = f"the exported model differs from the original by {difference:.2g} in a class probability"
        raise RecordError(fault, "try another --format")
    return Exported(content, version, checked_on, difference)


def _exported(model: Classifier, format_: Format) -> tuple[bytes, str]:
    """Return the content of the file and the version of its format."""
    metadata = {
        "runs": json.dumps(model.runs),
        "classes": json.dumps(model.classes),
        "image_size": json.dumps(model.image_size),
        "spec": model.spec.model_dump_json(),
    }
    example = torch.zeros(2, CHANNELS, model.image_size + 1, model.image_size + 2, dtype=torch.uint8)
    sizes = {axis: Dim(name) for axis, name in ANY_SIZE.items()}
    fault, hint = (
        f"{model.spec.model.name} cannot be exported as {format_}: ",
        "try another --format, or use `vitreport.load_model`",
    )
    with (
        memory_errors("exporting the model"),
        library_errors(lambda error: SpecError(fault + reason_of(error), hint)),
        warnings.catch_warnings(action="ignore"),
    ):
        program = torch.export.export(model, (example,), dynamic_shapes=(sizes,))
        return (_torch_file if format_ == "torch-export" else _onnx_file)(program, metadata)


def _torch_file(program: ExportedProgram, metadata: Mapping[str, str]) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files=dict(metadata))
    return buffer.getvalue(), f"torch {torch.__version__.partition('+')[0]}"


def _onnx_file(program: ExportedProgram, metadata: Mapping[str, str]) -> tuple[bytes, str]:
    logging.getLogger("onnxscript").setLevel(logging.ERROR)  # it warns about what it does not simplify
    names: dict[str, Any] = {"input_names": [INPUT], "output_names": [OUTPUT], "dynamic_shapes": (ANY_SIZE,)}
    converted = torch.onnx.export(program, dynamo=True, verbose=False, **names)
    assert converted
    converted.model.metadata_props.update(metadata)
    return converted.model_proto.SerializeToString(), f"opset {converted.model.opset_imports['']}"


def _images(model: Classifier, data_dirs: Sequence[Path]) -> tuple[Tensor, str]:
    """Return test images of the run's dataset, or generated images if it is not here, and a description."""
    dataset, home = locate(model.spec.data.dataset, data_dirs)
    request = ImageRequest.of(model.spec.data, Runtime(data_dir=home))
    if arrays := open_without_download(request):
        images = arrays.splits["test"].images
        chosen = np.linspace(0, len(images) - 1, min(CHECKED_IMAGES, len(images)), dtype=int)
        return torch.from_numpy(images[chosen]), f"{counted(len(chosen), 'test image')} of {dataset}"
    shape = (CHECKED_IMAGES, CHANNELS, request.decoded_size, request.decoded_size)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return torch.from_numpy(images), f"{CHECKED_IMAGES} generated images"


def load_exported(path: Path, device: str) -> ExportedClassifier:
    """Load an exported file. Raises RecordError if it is damaged or was not exported by vitreport.

    Raises SpecError for another file, or another device than the CPU.
    """
    if device not in ("auto", "cpu"):
        raise SpecError(f"{path} runs on the CPU only, not on {device}", "use the device cpu, or give the run")
    format_ = next((name for name, extension in EXTENSIONS.items() if path.suffix.lower() == extension), None)
    if format_ is None:
        raise SpecError(f"unknown file extension: {path}", f"use {' or '.join(EXTENSIONS.values())}")
    if format_ == "onnx":
        check_extra("onnx", ["onnxruntime"])
    hint = "export the run again; files of newer versions of vitreport or PyTorch may be unreadable, too"
    damaged = RecordError(f"{path} is damaged or was not exported by vitreport", hint)
    with memory_errors(f"loading {path}"):
        with reading_errors(RecordError, path):
            content = path.read_bytes()
        with library_errors(lambda error: damaged):
            return read_exported(content, format_)


def read_exported(content: bytes, format_: Format) -> ExportedClassifier:
    """Return the model from the content of an exported file."""
    if format_ == "torch-export":
        if not is_pt2_package(content):
            raise ValueError("not an archive of torch.export")
        metadata = dict.fromkeys(KEYS, "")
        module = torch.export.load(io.BytesIO(content), extra_files=metadata).module()
        return ExportedClassifier(lambda images: module(images), metadata)
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def call(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return ExportedClassifier(call, session.get_modelmeta().custom_metadata_map)


def measure_speeds(models: Sequence[Call], size: int) -> list[Speed]:
    """Measure models on generated images of this size, in turns, so that a busy machine slows all of them alike."""
    medians: list[dict[int, float]] = [{} for _ in models]
    for batch_size in BATCH_SIZES:
        images = torch.randint(0, 256, (batch_size, CHANNELS, size, size), dtype=torch.uint8)
        samples = [[_seconds(model, images) for model in models] for _ in range(1 + ROUNDS)][1:]  # without a warm-up
        for known, taken in zip(medians, zip(*samples, strict=True), strict=True):
            known[batch_size] = statistics.median(taken)
    single, many = BATCH_SIZES
    return [Speed(1000 * known[single], many / known[many]) for known in medians]


@torch.inference_mode()
def _seconds(model: Call, images: Tensor) -> float:
    begun = time.perf_counter()
    model(images)
    return time.perf_counter() - begun
