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
from torch import Tensor, nn

from vitreport.errors import RecordError
from vitreport.files import make_folder, remove_file, remove_temporaries, write_atomic
from vitreport.models.weights import MAX_HEADER_BYTES, parse_safetensors
from vitreport.reading import MAX_WEIGHTS_BYTES, entry_fault, read_bounded, reading_errors
from vitreport.records.folders import LINK_HINT
from vitreport.store.counters import Best, Counters, Extent, contradiction, read_counters
from vitreport.store.state import BESIDE
from vitreport.training.optimizers import kept_tensors
from vitreport.training.state import BestEpoch, TrainingState, load_weights, named_weights

KEPT = 2
COPIES = 4  # of the weights in a checkpoint, at most: the network, two moments, the best epoch
MAX_DIGEST_BYTES = 1 << 10
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


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint of a run; 0 without any."""
    return max(map(_step, checkpoints(folder)), default=0)


def restore_newest(folder: Path, state: TrainingState, extent: Extent | None = None) -> list[str]:
    """Put the newest sound checkpoint into `state`; return a line for each newer one that is damaged.

    Without any checkpoint the state stays as it is. Raises RecordError where all of them are damaged, where the
    newest sound one does not fit the model, and where its counters contradict each other or the `extent`.
    """
    skipped: list[str] = []
    for path in checkpoints(folder):
        try:
            tensors, metadata = read_verified(path, most=most_bytes(state.model))
        except RecordError as error:
            skipped.append(error.message)
            continue
        _restore(state, path, tensors, metadata, extent)
        return skipped
    if skipped:
        raise RecordError(
            f"no usable checkpoint in {folder} ({len(skipped)} tried: {skipped[0]})",
            f"{BESIDE}; the damaged files are kept",
        )
    return skipped


def write_with_digest(path: Path, content: bytes) -> None:
    """Write a file and its SHA-256 beside it, the digest first: a file without its digest does not count."""
    digest = hashlib.sha256(content).hexdigest()
    write_atomic(_digest_path(path), f"{digest}  {path.name}\n".encode())
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
    recorded = digest or _recorded_digest(_digest_path(path))
    content = _content(path, most)
    if hashlib.sha256(content).hexdigest() != recorded:
        raise RecordError(f"{path.name} is damaged (sha256 differs)")
    return parse_safetensors(content, path.name)


def _recorded_digest(path: Path) -> str:
    try:
        return _content(path, MAX_DIGEST_BYTES).decode().split()[0]
    except (IndexError, UnicodeDecodeError) as error:
        raise RecordError(f"{path.name} contains no SHA-256") from error


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


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


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
        **_under("model/", named_weights(state.model)),
        **_under("best/", best),
        **_under("optimizer/", _optimizer_tensors(state)),
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
    best = None
    if state.best:
        best = Best(epoch=state.best.epoch, step=state.best.step, accuracy=state.best.accuracy)
    counters = Counters(epoch=state.epoch, step=state.step, seconds=state.seconds, best=best)
    return {"counters": counters.model_dump_json()}


def _restore(
    state: TrainingState, path: Path, tensors: dict[str, Tensor], metadata: dict[str, str], extent: Extent | None
) -> None:
    source = path.name
    counters = read_counters(metadata, source)
    named = named_weights(state.model)
    moments = part(tensors, "optimizer/")
    needed = {
        "totals": state.totals,
        **_under("model/", named),
        **_under("best/", named if counters.best else {}),
        **_under("optimizer/", _needed_moments(state, moments)),
    }
    _check_fit(tensors, needed, source)
    told = "" if counters.step == _step(path) else f"step = {counters.step}, but the file name says step {_step(path)}"
    told = told or (extent and contradiction(counters, tensors["totals"].tolist(), extent)) or ""
    if told := told or _moments_contradiction(moments, counters.step):
        raise RecordError(f"{source}: {told}", BESIDE)
    _restore_optimizer(state, moments)
    load_weights(state.model, part(tensors, "model/"))
    state.totals.copy_(tensors["totals"])
    state.epoch, state.step, state.seconds = counters.epoch, counters.step, counters.seconds
    if best := counters.best:
        weights = {name: tensor.to(state.totals.device) for name, tensor in part(tensors, "best/").items()}
        state.best = BestEpoch(best.epoch, best.step, best.accuracy, weights)


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


def _moments_contradiction(moments: Mapping[str, Tensor], step: int) -> str:
    """Say which parameter cannot have been updated as often as its optimizer counts; "" if all can."""
    counts = {name: tensor.item() for name, tensor in moments.items() if name.endswith("/step")}
    wrong = [
        f"optimizer/{name} = {count:g} after step {step}" for name, count in counts.items() if not 1 <= count <= step
    ]
    return wrong[0] if wrong else ""


def _restore_optimizer(state: TrainingState, moments: Mapping[str, Tensor]) -> None:
    for name, parameter in state.model.named_parameters():
        if own := part(moments, f"{name}/"):
            state.optimizer.state[parameter] = {key: tensor.to(parameter.device) for key, tensor in own.items()}


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")
