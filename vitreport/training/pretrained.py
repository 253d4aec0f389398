"""Start a training from weights that were trained before, on other images or other classes."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from vitreport.errors import Problem, RecordError, SpecError
from vitreport.formatting import listed
from vitreport.models.timm import adapted_weights, hub_weights
from vitreport.models.weights import Weights, classifier_prefixes, load_weights, named_weights, read_weights
from vitreport.records.run import InitialWeights
from vitreport.records.schema import recordable
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.run import RunSpec
from vitreport.training.setup import CHANNEL_STATISTICS

PREFIXES = re.compile(r"^(?:(?:model|module|_orig_mod)\.)+")
SHOWN_CHARACTERS = 100
MAX_NAMES = 50  # of tensors of a kind in a record
TITLES = {"missing": "missing", "unexpected": "not in the network", "reshaped": "of another shape"}


def read_pretrained(model: nn.Module, spec: RunSpec, file: Path | None, note: Callable[[str], None]) -> Weights | None:
    """Read the weights that `model.pretrained` names; None where it names none. Only the classifier may not fit.

    `note` receives a warning if this run normalizes images differently from the weights' training.
    Raises SpecError if the weights are a file that is not given, RecordError if they cannot be used,
    ResourceError if the hub has to be asked and cannot.
    """
    pretrained = spec.model.pretrained
    if pretrained is False:
        return None
    if isinstance(pretrained, str):
        digest = pretrained.removeprefix("sha256:")
        if file is None:
            fault, hint = "the weights file to start from is missing", f"use --weights FILE (sha256 {digest[:12]}...)"
            raise SpecError(problems=[Problem("model.pretrained", fault, hint)])
        weights = _without_prefixes(read_weights(file, digest), model.state_dict().keys())
        if isinstance(spec.model, TimmSpec):
            weights = adapted_weights(model, weights)
    else:
        assert isinstance(spec.model, TimmSpec)
        weights = hub_weights(spec.model, spec.data.image_size, note)
    _check_weights(model, weights)
    published, own = weights.channel_statistics, spec.data.normalization
    if published and published != CHANNEL_STATISTICS.get(own):
        names = [f'data.normalization = "{name}"' for name, known in CHANNEL_STATISTICS.items() if known == published]
        (theirs,) = names or [f"mean {published[0]} and deviation {published[1]}"]
        note(f'warning: {weights.source} was trained with {theirs}, this run normalizes with "{own}"')
    return weights


def load_pretrained(model: nn.Module, weights: Weights, classes: Sequence[str]) -> InitialWeights:
    """Load weights from `read_pretrained` into a fresh network, without the classifier if its classes differ."""
    wanted, names = named_weights(model), _compared(model, weights)
    classifier = {name for name in wanted if name.startswith(classifier_prefixes(model))}
    are_others = weights.classes is not None and weights.classes != tuple(classes)
    names["reclassed"] = [name for name in names["fitting"] if are_others and name in classifier]
    taken = [name for name in names.pop("fitting") if name not in names["reclassed"]]
    load_weights(model, {name: weights.tensors[name] for name in taken})
    is_fresh = not classifier <= {*taken}
    return InitialWeights(
        source=recordable(weights.source),
        sha256=weights.sha256,
        loaded=len(taken),
        classifier="fresh" if is_fresh else "unnamed classes" if weights.classes is None else "same classes",
        **{kind: tuple(map(recordable, found[:MAX_NAMES])) for kind, found in names.items()},
    )


def _check_weights(model: nn.Module, weights: Weights) -> None:
    """Raise RecordError if anything but the classifier does not fit, or is not finite in the network's type."""
    classifier, wanted, names = classifier_prefixes(model), named_weights(model), _compared(model, weights)
    fitting = names["fitting"]
    others = {kind: [name for name in names[kind] if not name.startswith(classifier)] for kind in TITLES}
    if faults := [f"{TITLES[kind]}: {_listed(found)}" for kind, found in others.items() if found]:
        fault = f"{len(fitting)} of {len(wanted)} tensors fit; {'; '.join(faults)}"
        hint = "are they weights of another architecture, or of the same one with other arguments?"
        raise RecordError(f"{weights.source} does not fit the network: {fault}", hint)
    infinite = [name for name in fitting if not weights.tensors[name].to(wanted[name].dtype).isfinite().all()]
    if infinite:
        fault = f"has NaN or infinite values in {len(infinite)} of its tensors: {_listed(infinite)}"
        raise RecordError(f"{weights.source} {fault}", "their training diverged, or the file is damaged")


def _without_prefixes(weights: Weights, wanted: Collection[str]) -> Weights:
    """Give tensors the network's names: Lightning, DistributedDataParallel and torch.compile add prefixes."""
    names = {name: name if name in wanted else PREFIXES.sub("", name) for name in weights.tensors}
    ordered = sorted(weights.tensors, key=lambda name: name in wanted)  # an exact name wins
    return replace(weights, tensors={names[name]: weights.tensors[name] for name in ordered})


def _compared(model: nn.Module, weights: Weights) -> dict[str, list[str]]:
    """Return the names of the tensors of a network, in its order, and of weights that fit each other or do not."""
    given, names = weights.tensors, {kind: list[str]() for kind in ("fitting", *TITLES)}
    for name, own in named_weights(model).items():
        tensor = given.get(name, own)
        fits = tensor.shape == own.shape and tensor.is_floating_point() == own.is_floating_point()
        names["missing" if name not in given else "fitting" if fits else "reshaped"].append(name)
    names["unexpected"] = sorted(given.keys() - model.state_dict().keys())
    return names


def _listed(names: Sequence[str]) -> str:
    return listed([name[:SHOWN_CHARACTERS] for name in names])
