"""Weights from a file that anyone may have made: bounded, checked against its digest, and never executed."""

import hashlib
import io
import json
import pickle
import stat
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from vitreport.errors import RecordError

MAX_BYTES = 4 << 30
MAX_HEADER_BYTES = 10 << 20
MAX_TENSORS = 10_000
TORCH_SAVED = (b"PK\x03\x04", b"\x80")  # a zip archive, in former times a pickle
INCOMPLETE_HINT = "copy or download it again"
WRAPPERS = ("state_dict", "model")  # under which training scripts keep the weights in a checkpoint


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and where they come from.

    `classes` are those that the classifier among them tells apart, `channel_statistics` the mean and deviation that
    its images were normalised with; None where that is not known.
    """

    source: str
    sha256: str | None
    tensors: dict[str, Tensor]
    classes: tuple[str, ...] | None = None
    channel_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None


def read_weights(path: Path, digest: str) -> Weights:
    """The tensors of a safetensors file, or of a weights-only one that torch has saved.

    Raises RecordError where the file's SHA-256 is not `digest` or the file holds anything but plain tensors.
    """
    content = _read_bounded(path)
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        hint = "give the file that the spec was made with, or take model.pretrained out of the spec"
        raise RecordError(f"{path} is another file than model.pretrained: sha256 {found[:12]}, not {digest[:12]}", hint)
    is_safetensors = content[8:9] == b"{"
    if not is_safetensors and not content.startswith(TORCH_SAVED):
        raise RecordError(
            f"{path} is no weights file", "a .safetensors file, or what torch.save(model.state_dict()) wrote"
        )
    tensors = _safetensors(path, content) if is_safetensors else _unwrapped(_torch_saved(path, content))
    if not isinstance(tensors, Mapping) or not all(map(_is_named_tensor, tensors.items())):
        raise RecordError(f"{path} holds other things than named tensors", "save the model's state_dict() alone")
    if len(tensors) > MAX_TENSORS:
        raise RecordError(f"{path} holds {len(tensors):,} tensors, more than {MAX_TENSORS:,}")
    named = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return Weights(path.name, digest, named, _named_classes(content) if is_safetensors else None)


class _Header(BaseModel):
    schema_version: Literal[1] = 1
    classes: tuple[str, ...]


def classes_metadata(classes: Sequence[str]) -> dict[str, str]:
    """What the header of a safetensors file says of the classes that its weights tell apart.

    It is one entry, because safetensors writes several in any order: the same weights would be other bytes.
    """
    return {"vitreport": _Header(classes=tuple(classes)).model_dump_json()}


def _named_classes(content: bytes) -> tuple[str, ...] | None:
    """The classes in the header of a sound safetensors file; None where it names none as `classes_metadata` does."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    try:
        return _Header.model_validate_json(header.get("__metadata__", {}).get("vitreport", "")).classes
    except ValidationError:
        return None


def _read_bounded(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise RecordError(f"{path} is no file")
        if status.st_size > MAX_BYTES:
            raise RecordError(f"{path} is larger than {MAX_BYTES >> 30} GiB")
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error


def _safetensors(path: Path, content: bytes) -> dict[str, Tensor]:
    if int.from_bytes(content[:8], "little") > MAX_HEADER_BYTES:
        raise RecordError(f"{path} has a header larger than {MAX_HEADER_BYTES >> 20} MiB")
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise RecordError(f"{path} is no whole safetensors file: {error}", INCOMPLETE_HINT) from error


def _torch_saved(path: Path, content: bytes) -> Any:
    """What torch.save has written, read by its unpickler that builds tensors and plain values only."""
    try:
        if _unpacked_bytes(content) > MAX_BYTES:
            raise RecordError(f"{path} unpacks to more than {MAX_BYTES >> 30} GiB")
        with warnings.catch_warnings(action="ignore"):  # of torch about the file's age and form
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        hint = "load it where you trust it and save its state_dict() with safetensors"
        raise RecordError(f"{path} is not loaded: it holds more than weights, which needs code to run", hint) from error
    except (RuntimeError, ValueError, LookupError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RecordError(f"{path} cannot be read as weights: {reason[:200]}", INCOMPLETE_HINT) from error


def _unpacked_bytes(content: bytes) -> int:
    file = io.BytesIO(content)
    if not zipfile.is_zipfile(file):
        return len(content)
    with zipfile.ZipFile(file) as archive:
        return sum(member.file_size for member in archive.infolist())


def _unwrapped(loaded: Any) -> Any:
    for wrapper in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            return loaded[wrapper]
    return loaded


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    """Whether an entry is a tensor on the CPU whose values stand there one by one."""
    name, tensor = item
    return (
        isinstance(name, str)
        and isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not tensor.is_quantized
    )
