"""From what a user asks for to a checked spec: which layers of values there are, and in which order."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, RecordError, SpecError
from vitreport.spec.architectures.timm import timm_label
from vitreport.spec.compose import Composed, Describe, Layer, compose
from vitreport.spec.data import DataSpec
from vitreport.spec.fields import fields_of
from vitreport.spec.load import assign, read_assignments, read_environment, read_file
from vitreport.spec.presets import preset_for, presets_of, read_preset
from vitreport.spec.run import RunSpec
from vitreport.untrusted_files import MAX_WEIGHTS_BYTES, UnreadableFileError, file_digest


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        model: An architecture, or `timm/NAME`.
        dataset: The name of a dataset, or a path.
        preset: A preset by its name (default: that of the model and the dataset, if there is one).
        spec_file: A TOML spec, or the `spec.json` of a run.
        assignments: `FIELD=VALUE`, as `--set` takes them.
        flags: Values of short options by the full path of their field; None is not given.
        weights: The file to start from, unless the spec names another by its digest.
        fallback: Values that are weaker than all others.
        study: Values that a study sets over the preset.
    """

    model: str | None = None
    dataset: str | None = None
    preset: str | None = None
    spec_file: Path | None = None
    assignments: Sequence[str] = ()
    flags: Mapping[str, Any] | None = None
    weights: Path | None = None
    fallback: Layer | None = None
    study: Layer | None = None


def compose_request(request: Request, describe: Describe, trial: Layer | None = None) -> Composed:
    """Compose a spec. Precedence: `trial`, flag, `--set`, `VITREPORT_*`, `--spec`, preset, default.

    Args:
        request: What is asked for.
        describe: Gives the facts of a dataset (`vitreport.data.sources.facts_in`).
        trial: The values of one trial of a sweep.

    Raises:
        SpecError: With every problem of the spec.
        DatasetError: The folder of the dataset cannot be used.
    """
    layers = [
        *([read_file(request.spec_file)] if request.spec_file else []),
        *filter(None, [request.study]),
        *read_environment(os.environ),
        read_assignments(request.assignments, "--set"),
        assign({**model_fields(request.model), "data.dataset": request.dataset}, "command line"),
        assign(request.flags or {}, "command line"),
    ]
    weakest, strongest = [*filter(None, [request.fallback])], [*filter(None, [trial])]
    preset = request.preset
    if preset is None and request.spec_file is None:
        preset = _usual_preset([*weakest, *layers, *strongest])
    if preset:
        layers.insert(0, read_preset(preset))
    if request.weights and not isinstance(_last(layers, "model", "pretrained"), str):
        layers.append(assign({"model.pretrained": f"sha256:{_weights_digest(request.weights)}"}, "--weights"))
    composed = compose([*weakest, *layers, *strongest], describe)
    if request.preset:
        _refuse_other_model(request.preset, composed.spec)
    return replace(composed, preset=preset)


def model_fields(model: str | None) -> dict[str, str | None]:
    """Return the fields of a model as it is named on the command line: `swin`, or `timm/resnet18`."""
    return fields_of("model.name", model)


def _usual_preset(layers: Sequence[Layer]) -> str | None:
    """Return the preset of the pair of model and dataset that the layers name, the dataset by its name or path."""
    model, architecture, dataset = (
        _last([layer for layer in layers if isinstance(_value(layer, *path), str)], *path)
        for path in (("model", "name"), ("model", "architecture"), ("data", "dataset"))
    )
    dataset = dataset or str(DataSpec.model_fields["dataset"].default)
    label = timm_label(architecture) if model == "timm" and architecture else model
    return preset_for(label, Path(dataset).name) if label else None


def _last(layers: Sequence[Layer], section: str, field: str) -> Any:
    """Return the value of the strongest layer that has the field."""
    values = (_value(layer, section, field) for layer in reversed(layers))
    return next((value for value in values if value is not None), None)


def _value(layer: Layer, section: str, field: str) -> Any:
    values = layer.values.get(section)
    return values.get(field) if isinstance(values, Mapping) else None


def _refuse_other_model(preset: str, spec: RunSpec) -> None:
    """Raise SpecError: fields that happen to have the same name would be taken from another network's recipe."""
    model = str(read_preset(preset).values["model"]["name"])
    if model != spec.model.name:
        known = presets_of(spec.model.name)
        hint = f"those of {spec.model.name}: {', '.join(known)}" if known else "leave it out"
        fault = f"is a recipe of {model}, not of {spec.model.name}"
        raise SpecError(problems=[Problem("--preset", fault, hint, preset)])


def _weights_digest(file: Path) -> str:
    """Raise SpecError where there is no such file, RecordError where it cannot be a weights file."""
    try:
        return file_digest(file, MAX_WEIGHTS_BYTES)
    except UnreadableFileError as error:
        kind = SpecError if error.is_missing else RecordError
        raise kind(f"--weights {file} {error.reason}", "give the path of a weights file") from error
