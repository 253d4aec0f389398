"""Turn what a user asks for into a checked spec: which layers of values there are, and in which order."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, RecordError, SpecError
from vitreport.spec.architectures.timm import timm_label
from vitreport.spec.compose import DEFAULT_DATASET, Composed, Describe, Layer, compose, layer_of, merged, table
from vitreport.spec.load import preset_for, presets_of, read_assignments, read_environment, read_file, read_preset
from vitreport.untrusted_files import MAX_WEIGHTS_BYTES, UnreadableFileError, file_digest


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


def compose_request(request: Request, describe: Describe, trial: Layer | None = None) -> Composed:
    """Compose a spec. Precedence: `trial` of a sweep, flag, `--set`, `VITREPORT_*`, `--spec`, preset, default.

    Raises:
        SpecError: With every problem of the spec.
        DatasetError: The folder of the dataset cannot be used.
    """
    command = {"model.name": request.model, "data.dataset": request.dataset, **(request.flags or {})}
    given = [
        request.fallback,
        read_file(request.spec_file) if request.spec_file else None,
        request.study,
        *read_environment(os.environ),
        read_assignments(request.assignments, "--set"),
        layer_of({path: value for path, value in command.items() if value is not None}, "command line"),
    ]
    layers, strongest = [layer for layer in given if layer], [trial] if trial else []
    values, _ = merged([*layers, *strongest])
    preset = request.preset
    if preset is None and request.spec_file is None:
        preset = _usual_preset(values)
    if preset:
        layers.insert(1 if request.fallback else 0, read_preset(preset))
    if request.weights and not isinstance(table(values, "model").get("pretrained"), str):
        layers.append(layer_of({"model.pretrained": f"sha256:{_digest(request.weights)}"}, "--weights"))
    composed = compose([*layers, *strongest], describe)
    model = composed.spec.model.name
    if request.preset and read_preset(request.preset).values["model"]["name"] != model:
        known = presets_of(model)
        hint = f"those of {model}: {', '.join(known)}" if known else "leave it out"
        raise SpecError(problems=[Problem("--preset", f"is not a recipe of {model}", hint, request.preset)])
    return replace(composed, preset=preset)


def _usual_preset(values: Mapping[str, Any]) -> str | None:
    """Return the preset of a model and a dataset, if there is one; the dataset is given by its name or path."""
    model, dataset = table(values, "model"), table(values, "data").get("dataset", DEFAULT_DATASET)
    label, architecture = model.get("name"), model.get("architecture")
    if label == "timm" and isinstance(architecture, str):
        label = timm_label(architecture)
    return preset_for(label, Path(dataset).name) if isinstance(label, str) and isinstance(dataset, str) else None


def _digest(weights: Path) -> str:
    try:
        return file_digest(weights, MAX_WEIGHTS_BYTES)
    except UnreadableFileError as error:
        kind = SpecError if error.is_missing else RecordError
        raise kind(f"--weights {weights} {error.reason}", "give the path of a weights file") from error
