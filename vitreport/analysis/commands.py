"""The commands that train what a report shows."""

import shlex
from collections.abc import Sequence
from functools import cache

from vitreport.data.registry import DATASETS
from vitreport.errors import SpecError
from vitreport.formatting import printable
from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.presets import preset_for, read_preset
from vitreport.spec.run import RunSpec

PLACEHOLDER = "DIR"
"""In a command: the folder that contains a folder of the user's images. Records hold its name only."""


def training_command(words: Sequence[str], dataset: str, seeds: Sequence[int] = ()) -> str:
    """Write `vitreport train` with these words; several seeds are a loop of the shell."""
    data_dir = [] if dataset in DATASETS else ["--data-dir", PLACEHOLDER]
    command = printable(shlex.join(["vitreport", "train", *words, *data_dir]))
    if list(seeds) in ([], [0]):
        return command
    if len(seeds) == 1:
        return f"{command} --seed {seeds[0]}"
    return f"for seed in {' '.join(map(str, seeds))}; do {command} --seed $seed; done"


def spec_words(spec: RunSpec, run_id: str) -> list[str]:
    """Name the architecture and the data set if the spec is their preset, else the spec on record of a run."""
    data, model = spec.data, spec.model
    if preset_hash(model.whole_label, data.dataset, data.image_size, data.num_classes) == spec.group_hash:
        architecture = getattr(model, "architecture", "")
        return [f"{model.name}/{architecture}" if architecture else model.name, "--dataset", data.dataset]
    return ["--spec", f"runs/{run_id}/spec.json"]


@cache
def preset_hash(label: str, dataset: str, image_size: int, num_classes: int) -> str | None:
    """The group hash of the preset of a model, by its label, and a data set; None if there is no such preset."""
    preset = preset_for(label, dataset)
    if preset is None:
        return None
    try:
        return compose([read_preset(preset)], lambda *_: DatasetFacts(dataset, num_classes, image_size)).spec.group_hash
    except SpecError:
        return None
