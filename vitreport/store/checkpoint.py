"""Checkpoints: one immutable safetensors file a step, its SHA-256 beside it, the two newest kept.

`step-N.safetensors` holds the weights (`model/...`), the optimizer's tensors by the name of their parameter
(`optimizer/<parameter>/<key>`), the weights of the best epoch (`best/...`) and the totals of the epoch under
way; the counters stand in its header. `step-N.sha256` is what `sha256sum --check` reads. No random generator
is saved: every random number is a function of the seed and the step.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from vitreport.errors import RecordError
from vitreport.files import make_folder, remove_file, remove_temporaries, write_atomic
from vitreport.training.state import BestEpoch, TrainingState, load_weights, named_weights

KEPT = 2
STEP_FILE = re.compile(r"step-([0-9]+)\.safetensors\Z")


def save_checkpoint(folder: Path, state: TrainingState) -> None:
    """Write the state, then remove all but the two newest checkpoints."""
    make_folder(folder)
    content = safetensors.torch.save(_tensors(state), metadata=_metadata(state))
    path = folder / f"step-{state.step}.safetensors"
    write_with_digest(path, content)
    _remove_old(folder, state.step)


def remove_unfinished(folder: Path) -> int:
    """Remove what a crash has left between two steps of writing or removing; the number of files removed."""
    lone = [path for path in folder.glob("step-*.sha256") if not path.with_suffix(".safetensors").exists()]
    for digest in lone:
        remove_file(digest)
    return len(lone) + remove_temporaries(folder)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, the newest first."""
    found = [path for path in folder.glob("step-*.safetensors") if STEP_FILE.match(path.name)]
    return sorted(found, key=_step, reverse=True)


def restore_newest(folder: Path, state: TrainingState) -> list[str]:
    """Put the newest sound checkpoint into `state`; a line for each newer one that is damaged.

    Without any checkpoint the state stays as it is. Raises RecordError where all of them are damaged.
    """
    skipped: list[str] = []
    for path in checkpoints(folder):
        try:
            tensors, metadata = read_verified(path)
        except RecordError as error:
            skipped.append(error.message)
            continue
        _restore(state, tensors, metadata)
        return skipped
    if skipped:
        raise RecordError(
            f"no usable checkpoint in {folder} ({len(skipped)} tried: {skipped[0]})",
            "`--force` trains anew beside it; the damaged files are kept",
        )
    return skipped


def write_with_digest(path: Path, content: bytes) -> str:
    """Write a file and its SHA-256 beside it, the digest first: a file without its digest does not count."""
    digest = hashlib.sha256(content).hexdigest()
    write_atomic(_digest_path(path), f"{digest}  {path.name}\n".encode())
    write_atomic(path, content)
    return digest


def read_verified(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header of a safetensors file.

    Raises RecordError where its SHA-256 is not the recorded one.
    """
    try:
        content = path.read_bytes()
        recorded = _digest_path(path).read_text().split()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise RecordError(f"{path.name} or its sha256 cannot be read") from error
    if hashlib.sha256(content).hexdigest() != recorded:
        raise RecordError(f"{path.name} is damaged (sha256 differs)")
    try:
        tensors = safetensors.torch.load(content)
    except SafetensorError as error:
        raise RecordError(f"{path.name} is no safetensors file: {error}") from error
    header_size = int.from_bytes(content[:8], "little")
    return tensors, json.loads(content[8 : 8 + header_size]).get("__metadata__", {})


def load_model_weights(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a model. Raises RecordError that names the first tensor that does not fit."""
    for name, tensor in named_weights(model).items():
        if name not in weights:
            raise RecordError(f"{source}: has no tensor {name}", "is it of another architecture?")
        if weights[name].shape != tensor.shape:
            shapes = f"{tuple(weights[name].shape)}, the model needs {tuple(tensor.shape)}"
            raise RecordError(f"{source}: {name} is {shapes}", "is it of another architecture?")
    load_weights(model, dict(weights))


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _remove_old(folder: Path, step: int) -> None:
    """Keep the two newest up to this step. Later ones are damaged, or this process would have gone on from them."""
    for old in [path for path in checkpoints(folder) if _step(path) <= step][KEPT:]:
        remove_file(old)
        remove_file(_digest_path(old))


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    best = state.best.weights if state.best else {}
    named = {
        "totals": state.totals,
        **{f"model/{name}": tensor for name, tensor in named_weights(state.model).items()},
        **{f"best/{name}": tensor for name, tensor in best.items()},
        **{f"optimizer/{name}": tensor for name, tensor in _optimizer_tensors(state).items()},
    }
    return {name: tensor.detach().contiguous() for name, tensor in named.items()}


def _optimizer_tensors(state: TrainingState) -> dict[str, Tensor]:
    """Each tensor by the name of its parameter, found by identity: the optimizer's own order is another one."""
    return {
        f"{name}/{key}": value
        for name, parameter in state.model.named_parameters()
        for key, value in state.optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def _metadata(state: TrainingState) -> dict[str, str]:
    counters: dict[str, Any] = {"epoch": state.epoch, "step": state.step}
    if state.best:
        counters["best"] = {"epoch": state.best.epoch, "step": state.best.step, "accuracy": state.best.accuracy}
    return {"counters": json.dumps(counters, sort_keys=True)}


def _restore(state: TrainingState, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    counters = json.loads(metadata["counters"])
    load_model_weights(state.model, part(tensors, "model/"), f"step-{counters['step']}.safetensors")
    _restore_optimizer(state, part(tensors, "optimizer/"))
    state.totals.copy_(tensors["totals"])
    state.epoch, state.step = counters["epoch"], counters["step"]
    if best := counters.get("best"):
        device = state.totals.device
        weights = {name: tensor.to(device) for name, tensor in part(tensors, "best/").items()}
        state.best = BestEpoch(best["epoch"], best["step"], best["accuracy"], weights)


def _restore_optimizer(state: TrainingState, tensors: dict[str, Tensor]) -> None:
    for name, parameter in state.model.named_parameters():
        own = part(tensors, f"{name}/")
        for key, tensor in own.items():
            if tensor.dim() and tensor.shape != parameter.shape:
                raise RecordError(
                    f"optimizer tensor {name}/{key} is {tuple(tensor.shape)}, not {tuple(parameter.shape)}"
                )
        if own:
            state.optimizer.state[parameter] = {key: tensor.to(parameter.device) for key, tensor in own.items()}


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")
