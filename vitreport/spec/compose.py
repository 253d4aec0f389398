"""Compose what a user asks for to one checked spec, with the origin of every value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, RecordError, SpecError, collect_problems, raise_problems
from vitreport.spec import load
from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.architectures.timm import timm_label
from vitreport.spec.base import members, tag_of
from vitreport.spec.data import DatasetFacts
from vitreport.spec.fields import Place, dotted_path, fields_of, iter_leaves, set_nested, validate
from vitreport.spec.load import Layer, layer_of
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.run import RunSpec, fit_problems
from vitreport.suggestions import one_of
from vitreport.untrusted_files import MAX_WEIGHTS_BYTES, file_digest, reading_fault

DEFAULTS = Layer(
    "default", {"data": {"dataset": "cifar10"}, "optimizer": {"name": "adamw"}, "schedule": {"name": "constant"}}
)
PLACEHOLDER_FACTS = DatasetFacts(name="", num_classes=10, image_size=32)  # so that the rest of a spec can be checked
Describe = Callable[[str, int | None], DatasetFacts]
"""Return the facts of a dataset, given its name or path and the image size that the user chose, if any."""


@dataclass(frozen=True)
class Request:
    """What a user asks for."""

    model: str | None = None  # an architecture, or `timm/NAME`
    dataset: str | None = None  # a name or a path
    preset: str | None = None  # default: that of the model and the dataset, if there is one
    spec_file: Path | None = None  # a TOML spec, or the `spec.json` of a run
    assignments: Sequence[str] = ()  # `FIELD=VALUE`, as `--set` takes them
    flags: Mapping[str, Any] | None = None  # values of short options by full paths; None is not given
    weights: Path | None = None  # the file to start from, unless the spec names another by its digest
    fallback: Layer | None = None  # weaker than all other values
    study: Layer | None = None  # stronger than the preset

    @cached_property  # every combination of a sweep has the same weights
    def weights_digest(self) -> str:
        """The SHA-256 of the weights. Raises SpecError if there is no such file, RecordError if it cannot be read."""
        assert self.weights
        try:
            return file_digest(self.weights, MAX_WEIGHTS_BYTES)
        except OSError as error:
            kind = SpecError if isinstance(error, FileNotFoundError) else RecordError
            raise kind(f"--weights {self.weights} {reading_fault(error)}", "give the path of a weights file") from error


@dataclass(frozen=True)
class Composed:
    """A checked spec."""

    spec: RunSpec
    origins: Mapping[str, str]  # where the value of each dotted path came from
    data_dir: Path  # the folder that contains the dataset
    preset: str | None = None  # the preset that the spec is based on


def read_spec(source: Path | str | Mapping[str, Any], describe: Describe) -> Composed:
    """Read one run's spec from a TOML file, a `spec.json`, a run's folder or a dictionary, and check it."""
    if isinstance(source, Mapping):
        values = {name: value for name, value in source.items() if name != "schema_version"}
        return compose([Layer("the dictionary", values)], describe)
    path = Path(source)
    return compose([load.read_spec_file(path / "spec.json" if path.is_dir() else path)], describe)


def compose_request(request: Request, describe: Describe, trial: Layer | None = None) -> Composed:
    """Compose a spec. Precedence: `trial` of a sweep, flag, `--set`, `--spec`, preset, default.

    Raises SpecError with every problem of the spec, DatasetError if the folder of the dataset cannot be used.
    """
    command = {"model.name": request.model, "data.dataset": request.dataset, **(request.flags or {})}
    given = (
        request.fallback,
        load.read_spec_file(request.spec_file) if request.spec_file else None,
        request.study,
        load.read_assignments(request.assignments),
        layer_of({path: value for path, value in command.items() if value is not None}, "command line"),
        trial,
    )
    layers = [layer for layer in given if layer]
    values, _ = merged([DEFAULTS, *layers])
    preset = request.preset or (None if request.spec_file else _usual_preset(values))
    if preset:
        layers.insert(1 if request.fallback else 0, load.read_preset(preset))
    if request.weights and not isinstance(table(values, "model").get("pretrained"), str):
        weights = layer_of({"model.pretrained": f"sha256:{request.weights_digest}"}, "--weights")
        layers.insert(len(layers) - bool(trial), weights)
    composed = compose(layers, describe)
    model = composed.spec.model.name
    if request.preset and request.preset not in (known := load.presets_of(model)):
        hint = one_of(known) if known else "leave it out"
        raise SpecError(problems=[Problem("--preset", f"is not a preset for {model}", hint, request.preset)])
    return replace(composed, preset=preset)


def _usual_preset(values: Mapping[str, Any]) -> str | None:
    """Return the preset of a model and a dataset, if there is one; the dataset is given by its name or path."""
    model, dataset = table(values, "model"), table(values, "data").get("dataset")
    label = timm_label(_text(model.get("architecture"))) if model.get("name") == "timm" else _text(model.get("name"))
    return load.preset_for(label, Path(_text(dataset)).name)


def compose(layers: Sequence[Layer], describe: Describe) -> Composed:
    """Merge layers (the strongest last), fill in what follows from the dataset, and check it. Raises SpecError."""
    layers, faults = [DEFAULTS, *layers], list[Problem]()
    given = merged(layers)[0]
    facts = _facts(table(given, "data"), describe, faults)
    is_known = not faults
    layers.insert(0, _derived(table(given, "data"), table(given, "model"), facts))
    values, sources = merged(layers)
    origins = {dotted_path(path): layers[rank].origin for path, rank in sources.items()}
    if facts.name and "dataset" in table(values, "data"):
        values["data"]["dataset"] = facts.name  # instead of a path
    sections = {name: field.default for name, field in RunSpec.model_fields.items() if name not in values}
    with collect_problems(faults):
        validate(RunSpec, values, sections)
    faults += fit_problems(sections, facts) if is_known else []
    problems = [problem for layer in layers for problem in layer.problems]
    problems += [_placed(fault, _origin_of(fault.field, origins)) for fault in faults]
    raise_problems(problems)
    return Composed(RunSpec(**sections), origins, facts.data_dir)


def merged(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[Place, int]]:
    """Return the values of layers, the strongest last, and by its path the number of the layer that gave each."""
    values: dict[str, Any] = {}
    sources: dict[Place, int] = {}
    for rank, layer in enumerate(layers):
        for path, value in iter_leaves(layer.values):
            named = fields_of("model.name", value) if path == ("model", "name") else {}
            fields = {tuple(field.split(".")): given for field, given in named.items()} or {path: value}
            for field, given in fields.items():
                set_nested(values, field, given)
                sources[field] = sources[field[:2]] = rank
    _drop_former_members(values, sources, layers)
    return values, sources


def table(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return the values of a section, which are none where something else is in its place."""
    found = values.get(section)
    return found if isinstance(found, dict) else {}


def _drop_former_members(values: Mapping[str, Any], sources: dict[Place, int], layers: Sequence[Layer]) -> None:
    """Drop what a preset or a file gives for a former member of a union, if a stronger layer has chosen another."""
    for section, field in RunSpec.model_fields.items():
        given, kinds = table(values, section), members(field.annotation)
        known = {name for kind in kinds for name in kind.model_fields if name in given}
        chooser = max(sources.get((section, choice), 0) for choice in ("name", "implementation"))
        chosen = [kind.fields_with(given) for kind in kinds if tag_of(kind) == given.get("name")]
        for name in known.difference(*chosen) if chosen else ():
            rank = sources[section, name]
            if rank < chooser and layers[rank].is_whole:
                del given[name], sources[section, name]


def _facts(data: Mapping[str, Any], describe: Describe, problems: list[Problem]) -> DatasetFacts:
    """Return the facts of the dataset, or placeholders and the problems."""
    if not isinstance(dataset := data.get("dataset"), str):
        return PLACEHOLDER_FACTS
    with collect_problems(problems):
        return describe(dataset, _count(data.get("image_size")))
    return replace(PLACEHOLDER_FACTS, name=dataset.replace("\\", "/").rpartition("/")[2])


def _text(value: Any) -> str:
    """Return a value if it is text, else "". Some whole numbers have too many digits to be written."""
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    """Return a value that can be a size or a number of classes, else None."""
    return value if type(value) is int and 0 < value < 2**31 else None


def _derived(data: Mapping[str, Any], model: Mapping[str, Any], facts: DatasetFacts) -> Layer:
    """Return what the dataset and the architecture settle where the user is silent."""
    derived: dict[str, Any] = {"image_size": facts.image_size, "num_classes": facts.num_classes}
    if data.get("validation", "folder" if facts.has_validation else "fraction") == "folder":
        derived |= {"validation": "folder", "validation_fraction": 0.0}
    architecture = ARCHITECTURES.get(_text(model.get("name")), ArchitectureSpec)
    num_classes = _count(data.get("num_classes")) or facts.num_classes
    return Layer(
        "derived", {"data": derived, "model": architecture.derive_fields(model, facts.image_size, num_classes)}
    )


def _placed(fault: Problem, origin: str) -> Problem:
    """Return a problem with its origin. The `spec.json` of a run on an image folder does not contain its path."""
    is_record = fault.field == "data.dataset" and origin.endswith("spec.json")
    hint = (
        f"use --data-dir with the directory that contains {fault.value}, or `vitreport train --dataset` with its path"
    )
    return replace(fault, origin=origin, hint=hint if is_record else fault.hint)


def _origin_of(field: str, origins: Mapping[str, str]) -> str:
    """Return where a field, or the list or table that contains it, was given."""
    place = max((path for path in origins if f"{field}.".startswith(f"{path}.")), key=len, default="")
    return "" if origins.get(place) in ("default", "derived") else origins.get(place, "")
