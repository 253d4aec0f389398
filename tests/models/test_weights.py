"""Weights files, sound and hostile."""

import hashlib
import io
import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from vitreport.errors import RecordError
from vitreport.models import weights
from vitreport.models.weights import classes_metadata, read_weights

TENSORS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.ones(2)}


def saved(value: Any, *, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def read(name: str, content: bytes) -> dict[str, Tensor]:
    path = Path(name)
    path.write_bytes(content)
    return read_weights(path, hashlib.sha256(content).hexdigest()).tensors


def refusal(name: str, content: bytes) -> str:
    with pytest.raises(RecordError) as caught:
        read(name, content)
    assert name in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.safetensors", safetensors.torch.save(TENSORS, metadata={"schema_version": "1"})),
        ("a.pth", saved(TENSORS)),
        ("a.pt", saved(TENSORS, zipped=False)),
        ("a.bin", saved({"model": TENSORS, "epoch": 3})),
        ("a.bin", saved({"model_state_dict": TENSORS, "epoch": 3})),
        ("a.pth.tar", saved({"state_dict": TENSORS, "arch": "resnet18", "optimizer": {"lr": 0.1}})),
    ],
)
def test_weights_are_read_from_each_form(name: str, content: bytes) -> None:
    found = read(name, content)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize(
    ("metadata", "classes"),
    [
        (classes_metadata(("cat", 'dög "2"')), ("cat", 'dög "2"')),
        ({"schema_version": "1"}, None),
        (None, None),
        ({"vitreport": "cat, dog"}, None),
        ({"vitreport": '{"schema_version": 1, "classes": ["cat", 3]}'}, None),
        ({"vitreport": '{"schema_version": 2, "classes": ["cat"]}'}, None),
        ({"vitreport": "[" * 10_000}, None),
    ],
)
def test_the_classes_stand_in_the_header(metadata: dict[str, str] | None, classes: tuple[str, ...] | None) -> None:
    content = safetensors.torch.save(TENSORS, metadata=metadata)
    Path("a.safetensors").write_bytes(content)
    found = read_weights(Path("a.safetensors"), hashlib.sha256(content).hexdigest())
    assert (found.source, found.sha256) == ("a.safetensors", hashlib.sha256(content).hexdigest())
    assert found.classes == classes


def test_the_header_is_written_in_the_same_order_every_time() -> None:
    """safetensors writes several entries in any order."""
    assert len(classes_metadata(("cat", "dog"))) == 1


def test_a_file_of_another_digest_is_not_read() -> None:
    Path("a.pth").write_bytes(b"anything")
    with pytest.raises(RecordError, match=f"a.pth is another file than model.pretrained: sha256 .*, not {'0' * 12}"):
        read_weights(Path("a.pth"), "0" * 64)


class Payload:
    """A value that makes a folder where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "content",
    [
        saved({"layer.weight": Payload()}),
        saved({"layer.weight": Payload()}, zipped=False),
        saved({"model": TENSORS, "args": Payload()}),
        pickle.dumps(Payload()),
        pickle.dumps({"state_dict": Payload()}, protocol=4),
        saved(torch.nn.Linear(2, 2)),
    ],
)
@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.safetensors"])
def test_nothing_in_a_file_is_executed(name: str, content: bytes) -> None:
    refusal(name, content)
    assert not Path("executed").exists()


def test_what_is_no_table_of_tensors_is_refused() -> None:
    two = torch.ones(2)
    for value in (two, [two], {"a": 1}, {1: two}, {"a": torch.eye(3).to_sparse()}, {"model": {"a": "text"}}):
        assert "contains more than named tensors" in refusal("a.pth", saved(value))
    assert "contains more than named tensors" in refusal("a.pth", saved({"a": torch.ones(2, device="meta")}))


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello", b"<!DOCTYPE html>", bytes(100), bytes(range(255, 0, -1))])
def test_what_is_no_weights_file_is_refused(name: str, content: bytes) -> None:
    assert refusal(name, content) == f"{name} is not a weights file"


@pytest.mark.parametrize(
    "content",
    [
        saved(TENSORS)[:300],
        b"PK\x03\x04" + b"x" * 50,
        saved(TENSORS, zipped=False)[:40],
        safetensors.torch.save(TENSORS)[:99],
    ],
)
def test_a_damaged_weights_file_is_refused(content: bytes) -> None:
    with pytest.raises(RecordError) as caught:
        read("a.pth", content)
    assert caught.value.hint == "copy or download it again"


@pytest.mark.parametrize(
    ("name", "content"), [("a.pth", safetensors.torch.save(TENSORS)), ("a.safetensors", saved(TENSORS))]
)
def test_the_content_tells_the_form(name: str, content: bytes) -> None:
    assert read(name, content).keys() == TENSORS.keys()


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "header larger than 10 MiB" in refusal("a.safetensors", (11 << 20).to_bytes(8, "little") + b"{}")
    monkeypatch.setattr(weights, "MAX_BYTES", 1 << 16)
    assert "is larger than" in refusal("a.pth", bytes((1 << 16) + 1))


def test_what_is_no_file_is_refused() -> None:
    Path("folder.pth").mkdir()
    for name in ("folder.pth", "missing.pth"):
        with pytest.raises(RecordError, match=name):
            read_weights(Path(name), "0" * 64)


def with_header(**changes: object) -> bytes:
    content = safetensors.torch.save(TENSORS, metadata={"a": "b"})
    size = int.from_bytes(content[:8], "little")
    header = json.dumps({**json.loads(content[8 : 8 + size]), **changes}).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def test_what_torch_has_no_form_for_is_refused() -> None:
    assert "cannot be read as weights: TypeError" in refusal("a.safetensors", with_header(__metadata__=None))
    four_bits = {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}
    header = json.dumps({"layer": four_bits}).encode()
    refusal("a.safetensors", len(header).to_bytes(8, "little") + header + bytes(4))


def test_a_nested_tensor_is_refused() -> None:
    with warnings.catch_warnings(action="ignore"):  # torch calls them a prototype
        nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.strided)
        content = saved({"layer": nested})
    refusal("a.pth", content)


def test_what_is_no_file_of_weights_is_not_waited_for() -> None:
    os.mkfifo("pipe.safetensors")
    Path("zero.safetensors").symlink_to("/dev/zero")
    Path("folder.safetensors").mkdir()
    for name in ("pipe", "zero", "folder"):
        with pytest.raises(RecordError, match=f"{name}.safetensors is not a regular file"):
            read_weights(Path(f"{name}.safetensors"), "0" * 64)


def test_weights_may_be_a_link_as_in_the_cache_of_the_hub() -> None:
    content = saved(TENSORS)
    Path("blob").write_bytes(content)
    Path("a.pth").symlink_to("blob")
    assert read_weights(Path("a.pth"), hashlib.sha256(content).hexdigest()).tensors.keys() == TENSORS.keys()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
    ],
)
def test_memory_that_ran_out_is_known_by_its_words(error: BaseException, expected: bool) -> None:
    assert weights.is_out_of_memory(error) == expected
