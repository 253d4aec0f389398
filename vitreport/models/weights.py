"""Weights from a file that anyone may have made: bounded, checked against its digest, and never executed."""

import hashlib
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import safetensors.torch
import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from vitreport.errors import RecordError, VitreportError
from vitreport.untrusted_files import MAX_WEIGHTS_BYTES as MAX_BYTES
from vitreport.untrusted_files import read_bounded, reading_errors

MAX_HEADER_BYTES = 10 << 20
TORCH_SAVED = (b"PK\x03\x04", b"\x80")  # a zip archive, from old versions a pickle
OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "ALLOC_FAILED")
SHOWN_CHARACTERS = 200  # of a reason that a library gives
INCOMPLETE_HINT = "copy or download it again"
WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep the weights in a checkpoint


@dataclass(frozen=True)
class Weights:
    """Tensors by name; the classes of their classifier, and its images' mean and deviation, where these are known."""

    source: str
    sha256: str | None
    tensors: dict[str, Tensor]
    classes: tuple[str, ...] | None = None
    channel_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None


def read_weights(path: Path, digest: str) -> Weights:
    """Read the tensors of a safetensors file, or of a weights-only one that torch has saved.

    Raises RecordError if the file's SHA-256 is not `digest`, or the file holds anything but plain tensors.
    """
    with reading_errors(RecordError, path, "give the path of a weights file"):
        content = read_bounded(path, MAX_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        hint = "give the file that the spec was made with, or remove model.pretrained from the spec"
        raise RecordError(f"{path} is another file than model.pretrained: sha256 {found[:12]}, not {digest[:12]}", hint)
    metadata: Mapping[str, str] = {}
    if content[8:9] == b"{":
        tensors, metadata = parse_safetensors(content, str(path))
    elif content.startswith(TORCH_SAVED):
        tensors = _torch_saved(path, content)
    else:
        hint = "give a .safetensors file, or a file that torch.save(model.state_dict()) wrote"
        raise RecordError(f"{path} is not a weights file", hint)
    if not isinstance(tensors, Mapping) or not all(_is_plain(*item) for item in tensors.items()):
        raise RecordError(f"{path} contains more than named tensors", "save only the model's state_dict()")
    classes = None
    with suppress(ValidationError):  # where the header names none as `classes_metadata` does
        classes = _Header.model_validate_json(metadata.get("vitreport", "")).classes
    return Weights(path.name, digest, dict(tensors), classes)


class _Header(BaseModel):
    schema_version: Literal[1] = 1
    classes: tuple[str, ...]


def classes_metadata(classes: Sequence[str]) -> dict[str, str]:
    """Return the metadata of a safetensors file that names the classes of its classifier."""
    # One entry, because safetensors writes several in any order: the same weights would be other bytes.
    return {"vitreport": _Header(classes=tuple(classes)).model_dump_json()}


@contextmanager
def library_errors(as_ours: Callable[[Exception], VitreportError]) -> Iterator[None]:
    """Turn whatever a library raises into one of our errors, unless memory runs out."""
    try:
        yield
    except Exception as error:
        if isinstance(error, VitreportError) or is_out_of_memory(error):
            raise
        raise as_ours(error) from error


def _unreadable(source: str, error: Exception) -> RecordError:
    if isinstance(error, pickle.UnpicklingError):
        fault = "was not loaded: it contains more than weights, and loading it would run code"
        hint = "if you trust it, load it with torch and save its state_dict() with safetensors"
        return RecordError(f"{source} {fault}", hint)
    fault = f"{source} cannot be read as weights: {type(error).__name__}: {reason_of(error)}"
    return RecordError(fault, INCOMPLETE_HINT)


def parse_safetensors(content: bytes, source: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and metadata. Raises RecordError if `content` of `source` is damaged."""
    header_size = int.from_bytes(content[:8], "little")
    if header_size > MAX_HEADER_BYTES:
        raise RecordError(f"{source} has a header larger than {MAX_HEADER_BYTES >> 20} MiB", INCOMPLETE_HINT)
    with library_errors(partial(_unreadable, source)):
        return safetensors.torch.load(content), dict(json.loads(content[8 : 8 + header_size]).get("__metadata__", {}))


def _torch_saved(path: Path, content: bytes) -> Any:
    """Return what torch.save has written, read by its unpickler that builds tensors and plain values only."""
    unreadable = partial(_unreadable, str(path))
    with library_errors(unreadable), warnings.catch_warnings(action="ignore"):  # about the file's age and form
        file = io.BytesIO(content)
        members = zipfile.ZipFile(file).infolist() if zipfile.is_zipfile(file) else []
        if sum(member.file_size for member in members) > MAX_BYTES:
            fault = f"{path} unpacks to more than {MAX_BYTES >> 30} GiB"
            raise RecordError(fault, "save only the model's state_dict()")
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    inner = [loaded[name] for name in WRAPPERS if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping)]
    return inner[0] if inner else loaded


def _is_plain(name: Any, tensor: Any) -> bool:
    """Return whether this is a named tensor on the CPU with one value after the other."""
    if not isinstance(name, str) or not isinstance(tensor, Tensor) or tensor.is_quantized or tensor.is_nested:
        return False
    return tensor.layout == torch.strided and tensor.device.type == "cpu"


def named_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and persistent buffers, a tensor that several modules share under its first name alone."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensors[name] for name in model.state_dict() if name in tensors}


@torch.no_grad()
def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into the tensors of a model that have their names and shapes; others stay as they are."""
    own = named_weights(model)
    for name, tensor in weights.items():
        own[name].copy_(tensor)


def classifier_prefixes(model: nn.Module) -> tuple[str, ...]:
    """Return the name prefixes of tensors that depend on the number of classes."""
    if not hasattr(model, "get_classifier"):
        return cast("tuple[str, ...]", model.classifier)
    found = cast("Callable[[], Any]", model.get_classifier)()
    classifiers = found if isinstance(found, tuple | list) else (found,)
    return tuple(f"{name}." for name, module in model.named_modules() if any(module is part for part in classifiers))


def reason_of(error: BaseException) -> str:
    """Return the first line of an error; some have none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:SHOWN_CHARACTERS]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; only torch's own allocator for GPUs has a class of errors for it."""
    is_known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return is_known or any(words in str(error) for words in OUT_OF_MEMORY)
