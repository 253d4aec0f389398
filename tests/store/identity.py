"""Whether two runs have come to the same bits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vitreport.store.checkpoint import checkpoints, read_verified

SAME_BYTES = ("spec.json", "result.json", "best.safetensors", "predictions.npz", "mistakes.png")
VOLATILE = ("images_per_second", "seconds", "peak_memory_bytes")
COMPARED = ("model/", "optimizer/")
SAME_FIELDS = ("id", "status", "step", "device", "fingerprint", "data", "cost", "error")


def only_run(folder: Path) -> Path:
    """The one run of a project folder."""
    (run,) = (folder / "runs").iterdir()
    return run


def differences(first: Path, second: Path) -> list[str]:
    """The files of two runs that differ, without what is measured with a clock."""
    names = [name for name in SAME_BYTES if content(first / name) != content(second / name)]
    if epochs(first) != epochs(second):
        names.append("metrics.jsonl")
    if not same_tensors(newest_checkpoint(first), newest_checkpoint(second)):
        names.append("checkpoints")
    if record(first) != record(second):
        names.append("run.json")
    return names


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def epochs(run: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name not in VOLATILE} for line in lines]


def record(run: Path) -> dict[str, Any]:
    values = json.loads((run / "run.json").read_text())
    return {name: values[name] for name in SAME_FIELDS}


def newest_checkpoint(run: Path) -> dict[str, Tensor]:
    """The step, and the tensors of the model and of the optimizer.

    The totals of the epoch depend on whether the last step was saved before or after its epoch was measured.
    """
    path, *_ = checkpoints(run / "checkpoints").values()
    tensors, metadata = read_verified(path)
    step = torch.tensor(json.loads(metadata["counters"])["step"])
    return {"step": step, **{name: tensor for name, tensor in tensors.items() if name.startswith(COMPARED)}}


def same_tensors(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def leftovers(run: Path) -> list[str]:
    """Unfinished files, and digests of files that are not there."""
    return sorted(path.name for path in _leftovers(run))


def _leftovers(run: Path) -> Iterator[Path]:
    yield from run.rglob(".*.tmp")
    for digest in run.rglob("*.sha256"):
        if not digest.with_suffix(".safetensors").exists():
            yield digest


def resumed_at(run: Path) -> list[int]:
    """The steps at which a run went on."""
    return [resume["step"] for resume in json.loads((run / "run.json").read_text())["resumed"]]
