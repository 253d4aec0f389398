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
from vitreport.spec.fields import flat
from vitreport.spec.load import layer_of, parse_value, preset_for, read_assignments, read_preset
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
    words = ["vitreport", "train", model_word(model), "--dataset", dataset, *changes, *data_dir]
    command = printable(shlex.join(words))
    if len(seeds) > 1:
        return f"for seed in {' '.join(map(str, seeds))}; do {command} --seed $seed; done"
    return f"{command} --seed {seeds[0]}" if any(seeds) else command


def model_name(spec: RunSpec) -> str:
    """Return the model of a spec as a command takes it: timm/resnet18."""
    architecture = getattr(spec.model, "architecture", "")
    return f"{spec.model.name}/{architecture}" if architecture else spec.model.name


def changes_of(spec: RunSpec) -> dict[str, str]:
    """Return what differs from the preset or the defaults as `--set` takes it, by the paths of the fields."""
    data, wanted = spec.data, fields_of(spec)
    known = DATASETS.get(data.dataset)  # of a folder, the spec has what was found there
    classes, size = (known.num_classes, known.image_size) if known else (data.num_classes, data.image_size)
    facts = DatasetFacts(data.dataset, classes, size)
    changes: dict[str, str] = {}
    for paths in (TAGS, wanted):  # tags first: they bring the defaults of their other fields
        usual = _usual_fields(model_name(spec), spec.model.whole_label, facts, tuple(changes.values()))
        for path in paths:
            if path in wanted and usual.get(path) != (value := wanted[path]):
                is_plain = isinstance(value, str) and parse_value(value) == value
                changes[path] = f"{short_name(path)}={value if is_plain else toml_value(value)}"
    return changes


@cache  # many groups share an architecture and a dataset
def _usual_fields(model: str, label: str, facts: DatasetFacts, assignments: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the fields of the spec that a command without any but these assignments trains."""
    preset = preset_for(label, facts.name)
    layers = [
        *([read_preset(preset)] if preset else []),
        read_assignments(assignments, "--set"),
        layer_of({"model.name": model, "data.dataset": facts.name}, "command line"),
    ]
    try:
        return fields_of(compose(layers, lambda _, given: replace(facts, image_size=given or facts.image_size)).spec)
    except SpecError:  # the spec is sound, but a part of what makes it differ is not
        return {}


def fields_of(spec: RunSpec) -> dict[str, Any]:
    """Return the fields of a spec by their dotted paths, without the seed."""
    return {path: value for path, value in flat(spec.model_dump(mode="json")).items() if path != "seed"}
