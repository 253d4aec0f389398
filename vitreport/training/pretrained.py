"""Starting a training from weights that were trained before, on other images or other classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vitreport.errors import Problem, RecordError, SpecError
from vitreport.models.classifier import classifier_prefixes
from vitreport.models.timm_weights import adapted_weights, hub_weights
from vitreport.models.weights import read_weights
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.run import RunSpec
from vitreport.training.state import named_weights

SHOWN = 5
SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Loaded:
    """What became of pretrained weights.

    `loaded` counts the tensors that the network took. Of its classifier, `missing` were not there and `reshaped`
    were of another shape: these stay fresh; `unexpected` are those of the file that the network lacks.
    """

    source: str
    sha256: str | None
    loaded: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]


def load_pretrained(model: nn.Module, spec: RunSpec, file: Path | None) -> Loaded | None:
    """Put the weights that `model.pretrained` names into a fresh network; None where it names none.

    Only the classifier may differ. Raises SpecError where the weights are a file that is not given, RecordError
    where they cannot be used, ResourceError where the hub has to be asked and cannot.
    """
    pretrained = spec.model.pretrained
    if pretrained is False:
        return None
    if isinstance(pretrained, str):
        return _loaded(model, *_from_file(model, spec, file, pretrained.removeprefix("sha256:")))
    assert isinstance(spec.model, TimmSpec)
    return _loaded(model, *hub_weights(spec.model, spec.data.image_size))


def told_weights(weights: Loaded) -> str:
    """What the user reads of it."""
    kinds = {
        "fresh, of another shape": weights.reshaped,
        "fresh, not in it": weights.missing,
        "not used": weights.unexpected,
    }
    told = [f"{kind}: {_listed(names)}" for kind, names in kinds.items() if names]
    return "; ".join([f"weights: {weights.loaded} tensors of {weights.source}", *told])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(name[:SHOWN_CHARACTERS] for name in names[:SHOWN])}{more}"


def _from_file(model: nn.Module, spec: RunSpec, file: Path | None, digest: str) -> tuple[str, str, dict[str, Tensor]]:
    if file is None:
        fault = "the weights to start from are not given"
        raise SpecError(problems=[Problem("model.pretrained", fault, f"--weights FILE (sha256 {digest[:12]}...)")])
    tensors = read_weights(file, digest)
    if isinstance(spec.model, TimmSpec):
        tensors = adapted_weights(model, tensors, file.name)
    return file.name, digest, tensors


def _loaded(model: nn.Module, source: str, sha256: str | None, tensors: Mapping[str, Tensor]) -> Loaded:
    wanted, known = named_weights(model), model.state_dict().keys()
    missing = [name for name in wanted if name not in tensors]
    unexpected = [name for name in tensors if name not in known]
    reshaped = [name for name in wanted if name in tensors and not _fits(tensors[name], wanted[name])]
    fitting = wanted.keys() - {*missing, *reshaped}
    _refuse_misfits(model, source, len(fitting), missing, unexpected, reshaped)
    with torch.no_grad():
        for name in fitting:
            wanted[name].copy_(tensors[name])
    return Loaded(source, sha256, len(fitting), tuple(missing), tuple(unexpected), tuple(reshaped))


def _fits(given: Tensor, wanted: Tensor) -> bool:
    return given.shape == wanted.shape and given.is_floating_point() == wanted.is_floating_point()


def _refuse_misfits(
    model: nn.Module,
    source: str,
    fitting: int,
    missing: Sequence[str],
    unexpected: Sequence[str],
    reshaped: Sequence[str],
) -> None:
    """Raises RecordError where anything but the classifier does not fit."""
    classifier = classifier_prefixes(model)
    told = []
    for kind, names in (("missing", missing), ("not in the network", unexpected), ("of another shape", reshaped)):
        if misfits := [name for name in names if not name.startswith(classifier)]:
            told.append(f"{kind}: {_listed(misfits)}")
    if told:
        total = len(named_weights(model))
        raise RecordError(
            f"{source} does not fit the network: {fitting} of {total} tensors do; {'; '.join(told)}",
            "are they weights of another architecture, or of one with other arguments?",
        )
