"""The shortest commands that train what a report shows."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from vitreport.analysis.references import model_word
from vitreport.data.registry import DATASETS
from vitreport.errors import SpecError
from vitreport.formatting import printable, toml_value
from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.fields import flatten
from vitreport.spec.load import Layer, layer_of, parse_value, preset_for, presets_of, read_assignments, read_preset
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import short_name

PLACEHOLDER = "DIR"
"""In a command: the folder that contains a user's image folder. Records contain no paths."""
TAGS = ("optimizer.name", "schedule.name", "model.implementation")
"""Fields that decide which other fields there are."""


def training_command(model: str, dataset: str, options: Iterable[str] = (), seeds: Sequence[int] = ()) -> str:
    """Write `vitreport train` with what `--set` has to change of the preset or the defaults, in a loop over seeds."""
    changes = [word for option in options for word in ("--set", option)]
    data_dir = [] if dataset in DATASETS else ["--data-dir", PLACEHOLDER]
    return _in_loop([model_word(model), "--dataset", dataset, *changes, *data_dir], seeds)


def spec_command(spec: RunSpec, changed: Mapping[str, str], seeds: Sequence[int]) -> str:
    """Write the command that trains a spec; `changed` is what `changes_of` returns for it."""
    if changed and (preset := preset_of(spec)):
        return _in_loop(["--preset", preset], seeds)
    data = spec.data  # of a folder, the size of its first image is no default that lasts
    found = {} if data.dataset in DATASETS else {"data.image_size": f"image_size={data.image_size}"}
    return training_command(model_name(spec), data.dataset, {**found, **changed}.values(), seeds)


def _in_loop(words: Sequence[str], seeds: Sequence[int]) -> str:
    command = printable(shlex.join(["vitreport", "train", *words]))
    if len(seeds) > 1:
        return f"for seed in {' '.join(map(str, seeds))}; do {command} --seed $seed; done"
    return f"{command} --seed {seeds[0]}" if any(seeds) else command


def model_name(spec: RunSpec) -> str:
    """Return the model of a spec as a command takes it: timm/resnet18."""
    architecture = getattr(spec.model, "architecture", "")
    return f"{spec.model.name}/{architecture}" if architecture else spec.model.name


def changes_of(spec: RunSpec) -> dict[str, str]:
    """Return what differs from the preset or the defaults as `--set` takes it, by the paths of the fields."""
    wanted, facts = flat_fields(spec), _facts_of(spec)
    changes: dict[str, str] = {}
    for paths in (TAGS, wanted):  # tags first: they bring the defaults of their other fields
        usual = _usual_fields(model_name(spec), spec.model.whole_label, facts, tuple(changes.values()))
        for path in paths:
            if path in wanted and usual.get(path) != (value := wanted[path]):
                is_plain = isinstance(value, str) and parse_value(value) == value
                changes[path] = f"{short_name(path)}={value if is_plain else toml_value(value)}"
    return changes


def preset_of(spec: RunSpec) -> str | None:
    """Return the name of the preset that a spec was trained with, whatever its seed, if nothing was changed."""
    wanted = flat_fields(spec)
    presets = _preset_fields(spec.model.name, _facts_of(spec))
    return next((name for name, fields in presets.items() if fields == wanted), None)


def _facts_of(spec: RunSpec) -> DatasetFacts:
    data, known = spec.data, DATASETS.get(spec.data.dataset)  # of a folder, the spec has what was found there
    classes, size = (known.num_classes, known.image_size) if known else (data.num_classes, data.image_size)
    return DatasetFacts(data.dataset, classes, size)


@cache
def _preset_fields(model: str, facts: DatasetFacts) -> Mapping[str, Mapping[str, Any]]:
    """Return the fields of the presets of a model for a dataset, by their names."""
    layers = {name: read_preset(name) for name in presets_of(model)}
    return {
        name: flat_fields(_composed([layer], facts))
        for name, layer in layers.items()
        if layer.values["data"]["dataset"] == facts.name
    }


def _composed(layers: Sequence[Layer], facts: DatasetFacts) -> RunSpec:
    return compose(layers, lambda _, given: replace(facts, image_size=given or facts.image_size)).spec


@cache  # many groups share an architecture and a dataset
def _usual_fields(model: str, label: str, facts: DatasetFacts, assignments: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the fields of the spec that a command without any but these assignments trains."""
    preset = preset_for(label, facts.name)
    layers = [
        *([read_preset(preset)] if preset else []),
        read_assignments(assignments),
        layer_of({"model.name": model, "data.dataset": facts.name}, "command line"),
    ]
    try:
        return flat_fields(_composed(layers, facts))
    except SpecError:  # the spec is sound, but a part of what makes it differ is not
        return {}


def flat_fields(spec: RunSpec) -> dict[str, Any]:
    """Return the fields of a spec by their dotted paths, without the seed."""
    return {path: value for path, value in flatten(spec.model_dump(mode="json")).items() if path != "seed"}
