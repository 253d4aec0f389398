"""Checkpoints: one immutable safetensors file a step, its SHA-256 beside it, the two newest kept.

`step-N.safetensors` holds the weights (`model/...`), the optimizer's tensors by the name of their parameter
(`optimizer/<parameter>/<key>`), the weights of the best epoch (`best/...`) and the totals of the epoch under
way; the counters stand in its header. `step-N.sha256` is what `sha256sum --check` reads. No random generator
is saved: every random number is a function of the seed, the purpose, the epoch and the position or step.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from torch import Tensor, nn

from vitreport.errors import RecordError
from vitreport.files import make_folder, remove_file, remove_temporaries, write_atomic
from vitreport.models.weights import MAX_HEADER_BYTES, parse_safetensors
from vitreport.records.folders import LINK_HINT
from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, Fraction, Record, Version
from vitreport.store.run_state import BESIDE
from vitreport.training.optimizers import kept_tensors
from vitreport.training.state import BestEpoch, TrainingState, load_weights, named_weights
from vitreport.untrusted_files import MAX_WEIGHTS_BYTES, entry_fault, read_bounded, reading_errors

KEPT = 2
COPIES = 8  # of the weights in a checkpoint, at most: network, best epoch and what an optimizer keeps
MAX_DIGEST_BYTES = 1 << 10
STEP_FILE = re.compile(r"step-([0-9]+)\.safetensors\Z")


class Best(Record):
    """The best epoch so far, which counts from 1; `best/...` holds its weights."""

    epoch: Count
    step: Count
    accuracy: Fraction


class Counters(Record):
    """The counters in the header of a checkpoint; `seconds` is the time spent in the epoch under way."""

    schema_version: Version = SCHEMA_VERSION
    epoch: Count
    step: Count
    seconds: Amount
    best: Best | None


def save_checkpoint(folder: Path, state: TrainingState) -> None:
    """Write the state, then remove all but the two newest checkpoints up to its step.

    Later ones are damaged, or this process would have gone on from them.
    """
    make_folder(folder)
    content = safetensors.torch.save(_tensors(state), metadata=_metadata(state))
    write_with_digest(folder / f"step-{state.step}.safetensors", content)
    for old in [path for path in checkpoints(folder) if _step(path) <= state.step][KEPT:]:
        remove_file(old)
        remove_file(old.with_suffix(".sha256"))


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


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint of a run; 0 without any."""
    return max(map(_step, checkpoints(folder)), default=0)


def restore_newest(folder: Path, state: TrainingState) -> list[str]:
    """Put the newest sound checkpoint into `state`; return a line for each newer one that is damaged.

    Without any checkpoint the state stays as it is.

    Raises:
        RecordError: If all of them are damaged, or the newest sound one does not fit the model.
    """
    skipped: list[str] = []
    for path in checkpoints(folder):
        try:
            tensors, metadata = read_verified(path, most=most_bytes(state.model))
        except RecordError as error:
            skipped.append(error.message)
            continue
        _restore(state, path, tensors, metadata)
        return skipped
    if skipped:
        fault = f"no usable checkpoint in {folder} ({len(skipped)} tried: {skipped[0]})"
        raise RecordError(fault, f"{BESIDE}; the damaged files are kept")
    return skipped


def write_with_digest(path: Path, content: bytes) -> None:
    """Write a file and its SHA-256 beside it, the digest first: a file without its digest does not count."""
    digest = hashlib.sha256(content).hexdigest()
    write_atomic(path.with_suffix(".sha256"), f"{digest}  {path.name}\n".encode())
    write_atomic(path, content)


def most_bytes(model: nn.Module) -> int:
    """The size that no checkpoint of a model exceeds, and no file of its weights."""
    return MAX_HEADER_BYTES + COPIES * sum(tensor.nbytes + 8 for tensor in named_weights(model).values()) + (1 << 10)


def read_verified(
    path: Path, digest: str | None = None, *, most: int = MAX_WEIGHTS_BYTES
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header of a safetensors file.

    Raises RecordError where it is larger than `most` bytes or cannot be read, or where its SHA-256 is not `digest`,
    or not the one in the file beside it.
    """
    recorded = digest
    if recorded is None:
        try:
            recorded = _content(path.with_suffix(".sha256"), MAX_DIGEST_BYTES).decode().split()[0]
        except (IndexError, UnicodeDecodeError) as error:
            raise RecordError(f"{path.stem}.sha256 contains no SHA-256") from error
    content = _content(path, most)
    if hashlib.sha256(content).hexdigest() != recorded:
        raise RecordError(f"{path.name} is damaged (sha256 differs)")
    return parse_safetensors(content, path.name)


def _content(path: Path, most: int) -> bytes:
    if fault := entry_fault(path.parent, folder=True):
        raise RecordError(f"{path.parent} {fault}", LINK_HINT)
    with reading_errors(RecordError, path.name):
        return read_bounded(path, most, links=False)


def load_model_weights(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a model. Raises RecordError that names the first tensor that does not fit."""
    _check_fit(weights, named_weights(model), source)
    load_weights(model, dict(weights))


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    best = state.best.weights if state.best else {}
    optimizer = {  # found by the identity of the parameter: the optimizer's own order is another one
        f"{name}/{key}": value
        for name, parameter in state.model.named_parameters()
        for key, value in state.optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }
    named = {"totals": state.totals, **_prefixed(model=named_weights(state.model), best=best, optimizer=optimizer)}
    return {name: tensor.detach().contiguous() for name, tensor in named.items()}


def _prefixed(**parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for prefix, tensors in parts.items() for name, tensor in tensors.items()}


def _metadata(state: TrainingState) -> dict[str, str]:
    best = None
    if state.best:
        best = Best(epoch=state.best.epoch, step=state.best.step, accuracy=state.best.accuracy)
    counters = Counters(epoch=state.epoch, step=state.step, seconds=state.seconds, best=best)
    return {"counters": counters.model_dump_json()}


def _restore(state: TrainingState, path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    counters = _counters(metadata, path)
    named, moments = named_weights(state.model), part(tensors, "optimizer/")
    best = named if counters.best else {}
    needed = _prefixed(model=named, best=best, optimizer=_needed_moments(state, moments))
    _check_fit(tensors, {"totals": state.totals, **needed}, path.name)
    _restore_optimizer(state, moments)
    load_weights(state.model, part(tensors, "model/"))
    state.totals.copy_(tensors["totals"])
    state.epoch, state.step, state.seconds = counters.epoch, counters.step, counters.seconds
    if counters.best:
        weights = {name: tensor.to(state.totals.device) for name, tensor in part(tensors, "best/").items()}
        state.best = BestEpoch(counters.best.epoch, counters.best.step, counters.best.accuracy, weights)


def _counters(metadata: Mapping[str, str], path: Path) -> Counters:
    try:
        counters = Counters.model_validate_json(metadata.get("counters", ""))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["counters", *map(str, first["loc"])])
        hint = "was it written by a newer vitreport?"
        raise RecordError(f"{path.name} has no valid training counters: {field}: {first['msg']}", hint) from error
    if counters.step != _step(path):
        fault = f"{path.name}: step = {counters.step}, but the file name says step {_step(path)}"
        raise RecordError(fault, BESIDE)
    return counters


def _check_fit(given: Mapping[str, Tensor], needed: Mapping[str, Tensor], source: str) -> None:
    """Raises RecordError that names the first tensor that is missing, has another shape or is not needed."""
    hint = "is it of another architecture?"
    for name, tensor in needed.items():
        if name not in given:
            raise RecordError(f"{source}: has no tensor {name}", hint)
        found, wanted = ((tuple(each.shape), str(each.dtype)) for each in (given[name], tensor))
        if found != wanted:
            raise RecordError(f"{source}: {name} is {_shown(*found)}, the model needs {_shown(*wanted)}", hint)
    for name in given:
        if name not in needed:
            raise RecordError(f"{source}: the model has no tensor {name}", hint)


def _shown(shape: tuple[int, ...], dtype: str) -> str:
    return f"{shape} {dtype.removeprefix('torch.')}"


def _needed_moments(state: TrainingState, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the optimizer keeps of each parameter; nothing of one that has had no gradient."""
    return {
        f"{name}/{key}": tensor
        for name, parameter in state.model.named_parameters()
        if part(given, f"{name}/")
        for key, tensor in kept_tensors(state.optimizer, parameter).items()
    }


def _restore_optimizer(state: TrainingState, moments: Mapping[str, Tensor]) -> None:
    for name, parameter in state.model.named_parameters():
        if own := part(moments, f"{name}/"):
            state.optimizer.state[parameter] = {key: tensor.to(parameter.device) for key, tensor in own.items()}
