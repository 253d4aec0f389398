"""From what stands on the command line to a checked spec and the folders that it needs."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.data.sources import describe, home_of, locate
from vitreport.errors import Problem, RecordError, SpecError, VitreportError
from vitreport.reading import MAX_WEIGHTS_BYTES, UnreadableFileError, file_digest
from vitreport.runtime import default_data_dir
from vitreport.spec.architectures.timm import timm_label
from vitreport.spec.compose import Composed, Layer, compose
from vitreport.spec.data import DatasetFacts, DataSpec
from vitreport.spec.fields import fields_of
from vitreport.spec.load import assign, read_assignments, read_environment, read_file
from vitreport.spec.presets import preset_for, presets_of, read_preset
from vitreport.spec.run import RunSpec

OPTION_DATASET = re.compile(r"--dataset (\S+)")
OPTION_SET = re.compile(r"--set ([\w.]+)=(\S+?)(?=,?(?:\s|$))")


@dataclass(frozen=True)
class Request:
    """What a user asks for; `flags` maps full paths of spec fields to the values of short options.

    `fallback` is weaker than all else, `strongest` stronger; `study` is what a study sets over the preset. `weights`
    is the file to start from, unless the spec names another by its digest, which is then found out where it is read.
    """

    model: str | None = None
    dataset: str | None = None
    preset: str | None = None
    spec_file: Path | None = None
    assignments: Sequence[str] = ()
    flags: Mapping[str, Any] | None = None
    fallback: Layer | None = None
    study: Layer | None = None
    strongest: Layer | None = None
    weights: Path | None = None


@dataclass(frozen=True)
class Composition:
    """`preset` is the one that the spec rests on, given by its name or found for its pair of model and data set."""

    composed: Composed
    data_dir: Path
    preset: str | None


def compose_request(request: Request, data_dirs: Sequence[Path] | None) -> Composition:
    """Precedence: flag, `--set`, `VITREPORT_*`, `--spec`, preset, default. Raises SpecError with every problem."""
    layers = [
        *filter(None, [request.fallback]),
        *([read_file(request.spec_file)] if request.spec_file else []),
        *filter(None, [request.study]),
        *read_environment(os.environ),
        read_assignments(request.assignments, "--set"),
        assign({**model_fields(request.model), "data.dataset": request.dataset}, "command line"),
        assign(request.flags or {}, "command line"),
    ]
    strongest = [*filter(None, [request.strongest])]
    place = _Place(data_dirs_or_default(data_dirs))
    preset = request.preset or (None if request.spec_file else _own_preset([*layers, *strongest]))
    if preset:
        layers.insert(int(request.fallback is not None), read_preset(preset))
    if request.weights and not _names_file(layers):
        layers.append(assign({"model.pretrained": f"sha256:{_weights_digest(request.weights)}"}, "--weights"))
    composed = compose([*layers, *strongest], place.describe)
    if request.preset:
        _refuse_other_model(request.preset, composed.spec)
    return Composition(composed, place.data_dir, preset)


@contextmanager
def dataset_as_argument() -> Iterator[None]:
    """Let hints of a command without --set, which takes a data set as an argument, say what it takes."""
    try:
        yield
    except VitreportError as error:
        error.hint = _without_options(error.hint)
        if isinstance(error, SpecError):
            error.problems = tuple(replace(each, hint=_without_options(each.hint)) for each in error.problems)
        raise


def _without_options(hint: str) -> str:
    return OPTION_DATASET.sub(r"\1", hint).replace("--set image_size=", "--image-size ")


def in_a_file(problem: Problem) -> Problem:
    """Return a problem of values that stand in a file with a hint that names no option."""
    hint = OPTION_DATASET.sub(r'dataset = "\1"', problem.hint)
    return replace(problem, hint=OPTION_SET.sub(r"\1 = \2", hint))


def _refuse_other_model(preset: str, spec: RunSpec) -> None:
    """Fields that happen to have the same name would be taken from a recipe of another network."""
    own = str(read_preset(preset).values["model"]["name"])
    if own != spec.model.name:
        known = presets_of(spec.model.name)
        hint = f"those of {spec.model.name}: {', '.join(known)}" if known else "leave it out"
        raise SpecError(problems=[Problem("--preset", f"is a recipe of {own}, not of {spec.model.name}", hint, preset)])


def _names_file(layers: Sequence[Layer]) -> bool:
    """Whether a spec says already which weights file it starts from."""
    named = [value for layer in layers if (value := _value(layer, "model", "pretrained")) is not None]
    return bool(named) and isinstance(named[-1], str)


def _weights_digest(file: Path) -> str:
    """Raises SpecError where there is no such file, RecordError where it cannot be a weights file."""
    try:
        return file_digest(file, MAX_WEIGHTS_BYTES)
    except UnreadableFileError as error:
        kind = SpecError if error.is_missing else RecordError
        raise kind(f"--weights {file} {error.reason}", "give the path of a weights file") from error


def data_dirs_or_default(given: Sequence[Path] | None) -> Sequence[Path]:
    """The folders to search for data sets."""
    return given or [default_data_dir()]


class _Place:
    """Tells a data set's facts, and remembers the folder that it lies in."""

    def __init__(self, data_dirs: Sequence[Path]) -> None:
        self._data_dirs = data_dirs
        self.data_dir = data_dirs[0]

    def describe(self, dataset: str, image_size: int | None) -> DatasetFacts:
        home = home_of(dataset, self._data_dirs)
        facts = describe(dataset, home, image_size)
        _, self.data_dir = locate(dataset, home)
        return facts


def model_fields(model: str | None) -> dict[str, str | None]:
    """A model as the command line names it: `swin`, or `timm/resnet18` for an architecture of timm."""
    return fields_of("model.name", model)


def _own_preset(layers: Sequence[Layer]) -> str | None:
    """The preset of the pair of model and data set that the layers name, the data set by its name or path."""
    model, architecture, dataset = None, None, str(DataSpec.model_fields["dataset"].default)
    for layer in layers:
        model = _named(layer, "model", "name") or model
        architecture = _named(layer, "model", "architecture") or architecture
        dataset = _named(layer, "data", "dataset") or dataset
    label = timm_label(architecture) if model == "timm" and architecture else model
    return preset_for(label, locate(dataset, Path())[0]) if label else None


def _named(layer: Layer, section: str, field: str) -> str | None:
    value = _value(layer, section, field)
    return value if isinstance(value, str) else None


def _value(layer: Layer, section: str, field: str) -> Any:
    values = layer.values.get(section)
    return values.get(field) if isinstance(values, Mapping) else None
