"""Start a training from weights that were trained before, on other images or other classes."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from vitreport.errors import Problem, RecordError, SpecError
from vitreport.formatting import listed
from vitreport.models.timm import adapted_weights, hub_weights
from vitreport.models.weights import Weights, classifier_prefixes, named_weights, read_weights
from vitreport.records.run import InitialWeights
from vitreport.records.schema import recordable
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.run import RunSpec
from vitreport.training.setup import CHANNEL_STATISTICS

PREFIXES = re.compile(r"^(?:(?:model|module|_orig_mod)\.)+")
SHOWN_CHARACTERS = 100
MOST_NAMES = 50  # of tensors of a kind in a record
TITLES = {"missing": "missing", "unexpected": "not in the network", "reshaped": "of another shape"}


def read_pretrained(model: nn.Module, spec: RunSpec, file: Path | None, note: Callable[[str], None]) -> Weights | None:
    """Read the weights that `model.pretrained` names; None where it names none. Only the classifier may not fit.

    Raises SpecError where the weights are a file that is not given, RecordError where they cannot be used,
    ResourceError where the hub has to be asked and cannot.
    """
    pretrained = spec.model.pretrained
    if pretrained is False:
        return None
    if isinstance(pretrained, str):
        digest = pretrained.removeprefix("sha256:")
        if file is None:
            fault = "the weights to start from are not given"
            raise SpecError(problems=[Problem("model.pretrained", fault, f"--weights FILE (sha256 {digest[:12]}...)")])
        weights = _without_prefixes(read_weights(file, digest), model.state_dict().keys())
        if isinstance(spec.model, TimmSpec):
            weights = adapted_weights(model, weights)
    else:
        assert isinstance(spec.model, TimmSpec)
        weights = hub_weights(spec.model, spec.data.image_size, note)
    _check_weights(model, weights)
    return weights


def load_pretrained(model: nn.Module, weights: Weights, classes: Sequence[str]) -> InitialWeights:
    """Put weights that `read_pretrained` returned into a fresh network; its classifier not for other classes."""
    wanted, fates = named_weights(model), _fates(model, weights)
    classifier = [name for name in wanted if name.startswith(classifier_prefixes(model))]
    if weights.classes is not None and weights.classes != tuple(classes):
        fates |= {name: "reclassed" for name in classifier if fates[name] == "fitting"}
    names = {fate: [name for name in fates if fates[name] == fate] for fate in ("fitting", *TITLES, "reclassed")}
    is_fresh = not {*classifier} <= {*names["fitting"]}
    with torch.no_grad():
        for name in names["fitting"]:
            wanted[name].copy_(weights.tensors[name])
    return InitialWeights(
        source=recordable(weights.source),
        sha256=weights.sha256,
        loaded=len(names.pop("fitting")),
        classifier="fresh" if is_fresh else "unnamed classes" if weights.classes is None else "same classes",
        **{fate: tuple(map(recordable, found[:MOST_NAMES])) for fate, found in names.items()},
    )


def weights_message(weights: InitialWeights, num_classes: int) -> str:
    """Say in one line what was loaded and what was not."""
    classifiers = {
        "same classes": f"classifier: taken, of the same {num_classes} classes",
        "unnamed classes": f"classifier: taken, of {num_classes} classes that {weights.source} does not name",
    }
    kinds = {
        "fresh, of another shape": weights.reshaped,
        "fresh, of other classes": weights.reclassed,
        "fresh, not in it": weights.missing,
        "not used": weights.unexpected,
    }
    others = [f"{kind}: {_listed(names)}" for kind, names in kinds.items() if names]
    taken = [text for kind, text in classifiers.items() if kind == weights.classifier]
    return "; ".join([f"weights: {weights.loaded} tensors of {weights.source}", *taken, *others])


def normalization_warning(weights: Weights, spec: RunSpec) -> str:
    """Say that images are not normalized as those that the weights were trained on; nothing where that is unknown."""
    published, own = weights.channel_statistics, spec.data.normalization
    if published is None or CHANNEL_STATISTICS.get(own) == published:
        return ""
    names = [f'data.normalization = "{name}"' for name, known in CHANNEL_STATISTICS.items() if known == published]
    (theirs,) = names or [f"mean {published[0]} and deviation {published[1]}"]
    return f'warning: {weights.source} was trained with {theirs}, this run normalizes with "{own}"'


def _check_weights(model: nn.Module, weights: Weights) -> None:
    """Raise RecordError where anything but the classifier does not fit, or is not finite in the network's type."""
    classifier, wanted, fates = classifier_prefixes(model), named_weights(model), _fates(model, weights)
    others = {name: fate for name, fate in fates.items() if not name.startswith(classifier)}
    faults = [
        f"{title}: {_listed([name for name in others if others[name] == fate])}"
        for fate, title in TITLES.items()
        if fate in others.values()
    ]
    fitting = [name for name in wanted if fates[name] == "fitting"]
    if faults:
        fault = f"{len(fitting)} of {len(wanted)} tensors do; {'; '.join(faults)}"
        hint = "are they weights of another architecture, or of one with other arguments?"
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


def _fates(model: nn.Module, weights: Weights) -> dict[str, str]:
    """Return which tensors of a network, in its order, and of weights fit each other, and why others do not."""
    given, fates = weights.tensors, dict[str, str]()
    for name, own in named_weights(model).items():
        tensor = given.get(name, own)
        fits = tensor.shape == own.shape and tensor.is_floating_point() == own.is_floating_point()
        fates[name] = "missing" if name not in given else "fitting" if fits else "reshaped"
    return fates | dict.fromkeys(sorted(given.keys() - model.state_dict().keys()), "unexpected")


def _listed(names: Sequence[str]) -> str:
    return listed([name[:SHOWN_CHARACTERS] for name in names])
