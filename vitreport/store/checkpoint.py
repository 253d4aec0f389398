"""Checkpoints: one immutable safetensors file per step, with its SHA-256 in a second file; the two newest are kept.

`step-N.safetensors` holds the weights (`model/...`), the optimizer's tensors by the name of their parameter
(`optimizer/<parameter>/<key>`), the weights of the best epoch (`best/...`) and the totals of the unfinished epoch. Its
header holds the counters. `step-N.sha256` is what `sha256sum --check` reads. No random generator is saved: every random
number is a function of the seed, the purpose, the epoch and the position or step.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from vitreport.errors import RecordError
from vitreport.files import make_folder, remove_file, remove_temporaries, write_atomic
from vitreport.models.weights import MAX_HEADER_BYTES, named_weights, parse_safetensors
from vitreport.records.folders import check_no_links
from vitreport.records.reader import fault_of
from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, Fraction, Record, Version
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import FORCE_HINT
from vitreport.training import parallel
from vitreport.training.loop import BestEpoch, TrainingState
from vitreport.training.optimizers import kept_tensors, tensors_per_parameter
from vitreport.untrusted_files import MAX_WEIGHTS_BYTES, read_bounded, reading_errors

KEPT = 2
COPIES = 8  # of the weights in a checkpoint, at most: network, best epoch and what an optimizer keeps
FLOAT_BYTES = 4
MAX_DIGEST_BYTES = 1 << 10
STEP_FILE = re.compile(r"step-([0-9]+)\.safetensors\Z")


class _Best(Record):
    epoch: Count  # from 1
    step: Count
    accuracy: Fraction


class _Counters(Record):
    schema_version: Version = SCHEMA_VERSION
    epoch: Count
    step: Count
    seconds: Amount  # spent in the unfinished epoch
    best: _Best | None


def save_checkpoint(folder: Path, state: TrainingState) -> None:
    """Write the state, then remove all but the two newest checkpoints up to its step: later ones are damaged."""
    make_folder(folder)
    content = _packed(state)
    path, digest = folder / f"step-{state.step}.safetensors", hashlib.sha256(content).hexdigest()
    # The digest comes first: a file without its digest does not count.
    write_atomic(path.with_suffix(".sha256"), f"{digest}  {path.name}\n".encode())
    write_atomic(path, content)
    for old in [path for step, path in checkpoints(folder).items() if step <= state.step][KEPT:]:
        remove_file(old)
        remove_file(old.with_suffix(".sha256"))


def broadcast_state(state: TrainingState) -> bool:
    """Give all processes that train together the state of the first; return False if it has nothing to train."""
    if parallel.world_size() == 1:
        return True
    content = parallel.broadcast_object(None if parallel.rank() else _packed(state))
    if parallel.rank() and content:
        name = "the state of the first process"
        _restore(state, Path(name), *parse_safetensors(content, name))
    return content is not None


def remove_unfinished(folder: Path) -> int:
    """Remove what a crash left while it wrote or removed a checkpoint; return the number of files."""
    removed = remove_temporaries(folder)
    lone = [path for path in folder.glob("step-*.sha256") if not path.with_suffix(".safetensors").exists()]
    for digest in lone:
        remove_file(digest)
    return removed + len(lone)


def checkpoints(folder: Path) -> dict[int, Path]:
    """Return the checkpoints of a run by their steps, the newest first."""
    files = ((STEP_FILE.match(path.name), path) for path in folder.glob("step-*"))
    return dict(sorted(((int(match[1]), path) for match, path in files if match), reverse=True))


def restore_newest(folder: Path, state: TrainingState) -> list[str]:
    """Load the newest sound checkpoint, if there is any; return a line for each newer one that is damaged.

    Raises RecordError if all of them are damaged, or the newest sound one does not fit the model.
    """
    skipped: list[str] = []
    for path in checkpoints(folder).values():
        try:
            tensors, metadata = read_verified(path, max_bytes=max_checkpoint_bytes(state.model))
        except RecordError as error:
            skipped.append(error.message)
        else:
            _restore(state, path, tensors, metadata)
            return skipped
    if skipped:
        fault = f"no usable checkpoint in {folder} ({len(skipped)} tried: {skipped[0]})"
        raise RecordError(fault, f"{FORCE_HINT}; the damaged files are kept")
    return skipped


def read_verified(
    path: Path, digest: str | None = None, *, max_bytes: int = MAX_WEIGHTS_BYTES
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the header of a safetensors file of at most `most` bytes.

    Raises RecordError if it cannot be read, or its SHA-256 is not `digest` (default: the one in its .sha256 file).
    """
    if digest is None:
        try:
            digest = _content(path.with_suffix(".sha256"), MAX_DIGEST_BYTES).decode().split()[0]
        except (IndexError, UnicodeDecodeError) as error:
            raise RecordError(f"{path.stem}.sha256 contains no SHA-256") from error
    content = _content(path, max_bytes)
    if hashlib.sha256(content).hexdigest() != digest:
        raise RecordError(f"{path.name} is damaged (sha256 differs)")
    return parse_safetensors(content, path.name)


def max_checkpoint_bytes(model: nn.Module) -> int:
    """Return a size that no checkpoint of a model exceeds, and no file of its weights."""
    return MAX_HEADER_BYTES + COPIES * sum(tensor.nbytes + 8 for tensor in named_weights(model).values()) + (1 << 10)


def disk_bytes(spec: RunSpec, parameters: int) -> int:
    """Return the bytes that a finished run holds: the kept checkpoints and the selected weights."""
    in_a_checkpoint = 1 + tensors_per_parameter(spec.optimizer) + (spec.train.selection == "val")
    return FLOAT_BYTES * parameters * (KEPT * in_a_checkpoint + 1)


def _content(path: Path, max_bytes: int) -> bytes:
    check_no_links([path.parent])
    with reading_errors(RecordError, path.name):
        return read_bounded(path, max_bytes, links=False)


def _packed(state: TrainingState) -> bytes:
    counters = _Counters.model_validate(state, from_attributes=True)
    tensors = _tensors(state)
    tensors = {name: each.detach().contiguous().to("cpu", non_blocking=True) for name, each in tensors.items()}
    if state.totals.is_cuda:
        torch.cuda.synchronize(state.totals.device)  # once, not for each tensor
    return safetensors.torch.save(tensors, metadata={"counters": counters.model_dump_json()})


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    """Return the tensors of a state, not copied, by their names in a checkpoint."""
    optimizer = {  # found by the identity of the parameter: the optimizer has another order
        f"{name}/{key}": value
        for name, parameter in state.model.named_parameters()
        for key, value in state.optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }
    best = state.best.weights if state.best else {}
    parts = {"model": named_weights(state.model), "best": best, "optimizer": optimizer}
    named = {f"{prefix}/{name}": tensor for prefix, found in parts.items() for name, tensor in found.items()}
    return {"totals": state.totals, **named}


@torch.no_grad()
def _restore(state: TrainingState, path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        counters = _Counters.model_validate_json(metadata.get("counters", ""))
    except ValidationError as error:
        fault = f"{path.name} has no valid training counters: {fault_of(error)}"
        raise RecordError(fault, "was it written by a newer vitreport?") from error
    with_gradient = {name.split("/")[1] for name in tensors if name.startswith("optimizer/")}
    for name, parameter in state.model.named_parameters():
        if name in with_gradient:
            state.optimizer.state[parameter] = kept_tensors(state.optimizer, parameter)
    if best := counters.best:
        weights = {name: torch.empty_like(tensor) for name, tensor in named_weights(state.model).items()}
        state.best = BestEpoch(**best.model_dump(), weights=weights)
    needed = _tensors(state)
    check_fit(tensors, needed, path.name)
    for name, tensor in needed.items():
        tensor.copy_(tensors[name])
    state.epoch, state.step, state.seconds = counters.epoch, counters.step, counters.seconds


def check_fit(given: Mapping[str, Tensor], needed: Mapping[str, Tensor], source: str) -> None:
    """Raise RecordError that names the first tensor that is missing, has another shape or is not needed."""
    found, wanted = (
        {name: f"{tuple(tensor.shape)} {tensor.dtype}".replace("torch.", "") for name, tensor in tensors.items()}
        for tensors in (given, needed)
    )
    for name in wanted | found:
        if found.get(name) != wanted.get(name):
            fault = f"{name} is {found.get(name, 'missing')}, the model needs {wanted.get(name, 'no such tensor')}"
            raise RecordError(f"{source}: {fault}", "does it belong to another architecture?")
