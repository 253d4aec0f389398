"""The command that trains a spec: as short as the presets allow, and of the same run id wherever it is given."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from vitreport.data.catalogue import DATASETS
from vitreport.errors import SpecError
from vitreport.formatting import printable, toml_value
from vitreport.spec.compose import Layer, compose, flat
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import assign, parse_value, read_assignments
from vitreport.spec.presets import preset_for, read_preset
from vitreport.spec.run import RunSpec

TAGS = ("optimizer.name", "schedule.name", "model.implementation")
"""Fields that settle which others there are; not every model has the last one."""

PLACEHOLDER = "DIR"
"""In a command: the folder that holds a folder of the user's images, of which a record knows the name alone."""


def command_of(spec: RunSpec, seeds: Sequence[int]) -> str:
    """`vitreport train MODEL --dataset NAME --set ...`; several seeds are a loop of the shell.

    Where a value cannot be said with `--set`, the spec on record is named. The path of a folder of the user's own is
    left to be filled in: `--data-dir DIR`.
    """
    assignments = _assignments(spec)
    if assignments is None:
        words = ["vitreport", "train", "--spec", f"runs/{spec.run_id}/spec.json"]
    else:
        words = ["vitreport", "train", _model_word(spec), "--dataset", spec.data.dataset]
        words += [word for assignment in assignments for word in ("--set", assignment)]
    words += data_dir_words(spec.data.dataset)
    command = printable(shlex.join(words))
    if list(seeds) in ([], [0]):
        return command
    if len(seeds) == 1:
        return f"{command} --seed {seeds[0]}"
    return f"for seed in {' '.join(map(str, seeds))}; do {command} --seed $seed; done"


def data_dir_words(dataset: str) -> list[str]:
    """Where a command looks for the images: nothing for a data set that is known by name."""
    return [] if dataset in DATASETS else ["--data-dir", PLACEHOLDER]


@cache
def preset_hash(label: str, dataset: str, image_size: int, num_classes: int) -> str | None:
    """The group hash of the preset of a pair of model (by its label) and data set, where there is one."""
    preset = preset_for(label, dataset)
    if preset is None:
        return None
    try:
        return compose([_preset(preset)], lambda *_: DatasetFacts(dataset, num_classes, image_size)).spec.group_hash
    except SpecError:
        return None


@dataclass(frozen=True)
class _Subject:
    """What a command names, and what its data set tells of itself."""

    model: str
    architecture: str | None
    label: str
    dataset: str
    image_size: int
    num_classes: int

    @classmethod
    def of(cls, spec: RunSpec) -> "_Subject":
        architecture, data = getattr(spec.model, "architecture", None), spec.data
        return cls(
            spec.model.name, architecture, spec.model.whole_label, data.dataset, data.image_size, data.num_classes
        )


def _assignments(spec: RunSpec) -> list[str] | None:
    """What differs from the preset, or from the defaults, as texts for `--set`; None where that does not suffice."""
    wanted = flat(spec.model_dump(mode="json"))
    tags = {path: wanted[path] for path in TAGS if path in wanted}
    try:
        own, plain = _usual(_Subject.of(spec), tuple(tags.items())), _usual(_Subject.of(spec))
        differing = {path: value for path, value in wanted.items() if path != "seed" and own.get(path) != value}
        differing = {path: tags[path] for path in tags if plain.get(path) != tags[path]} | differing
        texts = [f"{path}={_text(value)}" for path, value in differing.items()]
        same = _composed(_Subject.of(spec), read_assignments(texts, "--set")).group_hash == spec.group_hash
    except SpecError:
        return None
    return texts if same else None


def _text(value: Any) -> str:
    """As `--set` takes it, without quotes where none are needed."""
    return value if isinstance(value, str) and parse_value(value) == value else toml_value(value)


def _model_word(spec: RunSpec) -> str:
    architecture = getattr(spec.model, "architecture", None)
    return f"{spec.model.name}/{architecture}" if architecture else spec.model.name


@cache
def _usual(subject: _Subject, tags: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """The fields that a command would come to which says nothing but these names."""
    return flat(_composed(subject, assign(dict(tags), "tags")).model_dump(mode="json"))


def _composed(subject: _Subject, layer: Layer) -> RunSpec:
    model = {"model.name": subject.model, "model.architecture": subject.architecture}
    named = assign({**model, "data.dataset": subject.dataset}, "command line")
    preset = preset_for(subject.label, subject.dataset)
    first = [_preset(preset)] if preset else []
    return compose([*first, layer, named], lambda _, image_size: _facts(subject, image_size)).spec


def _facts(subject: _Subject, image_size: int | None) -> DatasetFacts:
    """What the data set of this name tells by itself; of a folder what the spec has found there."""
    if source := DATASETS.get(subject.dataset):
        return DatasetFacts(subject.dataset, source.num_classes, image_size or source.image_size)
    return DatasetFacts(subject.dataset, subject.num_classes, image_size or subject.image_size)


@cache
def _preset(name: str) -> Layer:
    return read_preset(name)
