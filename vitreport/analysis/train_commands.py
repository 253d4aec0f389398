"""The shortest commands that train what a report shows."""

import shlex
from collections.abc import Mapping, Sequence
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
"""In a command: the folder that contains a user's folder of images. Records contain no paths."""
TAGS = ("optimizer.name", "schedule.name", "model.implementation")
"""Fields that decide which other fields there are."""


def training_command(spec: RunSpec, seeds: Sequence[int] = ()) -> str:
    """Write `vitreport train` with what differs from the preset or the defaults; a shell loop for several seeds."""
    words = ["vitreport", "train", _model_name(spec), "--dataset", spec.data.dataset]
    words += [word for text in _assignments(spec) for word in ("--set", text)]
    return _with_seeds([*words, *_data_dir(spec.data.dataset)], seeds)


def usual_command(architecture: str, dataset: str) -> str:
    """Write the command that trains an architecture as its preset or the defaults say."""
    return _with_seeds(["vitreport", "train", model_word(architecture), "--dataset", dataset, *_data_dir(dataset)])


def is_preset(spec: RunSpec) -> bool:
    """Return whether a spec is the preset of its model and dataset."""
    return bool(preset_for(spec.model.whole_label, spec.data.dataset)) and _composed(spec, []) == _without_seed(spec)


def _model_name(spec: RunSpec) -> str:
    architecture = getattr(spec.model, "architecture", "")
    return f"{spec.model.name}/{architecture}" if architecture else spec.model.name


def _with_seeds(words: Sequence[str], seeds: Sequence[int] = ()) -> str:
    command = printable(shlex.join(words))
    if list(seeds) in ([], [0]):
        return command
    if len(seeds) == 1:
        return f"{command} --seed {seeds[0]}"
    return f"for seed in {' '.join(map(str, seeds))}; do {command} --seed $seed; done"


def _data_dir(dataset: str) -> list[str]:
    return [] if dataset in DATASETS else ["--data-dir", PLACEHOLDER]


def _assignments(spec: RunSpec) -> list[str]:
    """Return what differs from the preset or the defaults, as `--set` takes it."""
    wanted = _without_seed(spec)
    texts: list[str] = []
    for paths in (TAGS, wanted):  # tags first: they bring the defaults of their other fields
        usual = _composed(spec, texts)
        differing = (path for path in paths if path in wanted and usual.get(path) != wanted[path])
        texts += [f"{short_name(path)}={_argument(wanted[path])}" for path in differing]
    return texts


def _argument(value: Any) -> str:
    """Write a value as `--set` takes it, without quotes where none are needed."""
    return value if isinstance(value, str) and parse_value(value) == value else toml_value(value)


def _composed(spec: RunSpec, assignments: Sequence[str]) -> Mapping[str, Any]:
    """Return the fields of the spec that a command without any but these assignments trains."""
    preset = preset_for(spec.model.whole_label, spec.data.dataset)
    layers = [
        *([read_preset(preset)] if preset else []),
        read_assignments(assignments, "--set"),
        layer_of({"model.name": _model_name(spec), "data.dataset": spec.data.dataset}, "command line"),
    ]
    try:
        return _without_seed(compose(layers, lambda _, size: _facts(spec, size)).spec)
    except SpecError:  # the spec is sound, but a part of what makes it differ is not
        return {}


def _facts(spec: RunSpec, image_size: int | None) -> DatasetFacts:
    """Return what the dataset says; of a folder what the spec found there."""
    known = DATASETS.get(spec.data.dataset)
    classes, size = (known.num_classes, known.image_size) if known else (spec.data.num_classes, spec.data.image_size)
    return DatasetFacts(spec.data.dataset, classes, image_size or size)


def _without_seed(spec: RunSpec) -> dict[str, Any]:
    return {path: value for path, value in flat(spec.model_dump(mode="json")).items() if path != "seed"}
