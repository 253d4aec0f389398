"""Which group stands for an architecture on a data set; the test accuracy has no say in it."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vitreport.analysis.commands import data_dir_words, preset_hash
from vitreport.analysis.references import model_word
from vitreport.analysis.summary import Group, Pair
from vitreport.formatting import printable
from vitreport.run_id import hash_in_group
from vitreport.spec.model import ARCHITECTURES

OF_SEVERAL = re.compile(r" \([0-9a-f]+\)\Z")
"""What tells data sets of one name apart."""


@dataclass(frozen=True)
class Planned:
    """What a study has of a pair: a group that is to be there, and the command that trains it."""

    architecture: str
    dataset: str
    group: str
    command: str


def pairs_of(groups: Sequence[Group], datasets: Sequence[str], planned: Sequence[Planned]) -> list[Pair]:
    """One cell for each pair of the study, else for every architecture on every data set that there are runs of."""
    candidates: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        candidates[group.architecture, group.dataset].append(group)
    if planned:
        pairs: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for each in planned:
            pairs[each.architecture, each.dataset].append(planned_pair(each, groups))
        return [_foremost(cells) for cells in pairs.values()]
    named = [*datasets, *dict.fromkeys(group.dataset for group in groups if group.dataset not in datasets)]
    return [
        _cell(architecture, dataset, candidates.get((architecture, dataset), []))
        for architecture in _ordered(group.architecture for group in groups)
        for dataset in named
    ]


def group_of_spec(groups: Iterable[Group], spec_id: str, dataset: str = "") -> Group | None:
    """The group of a spec, of several on other bytes that on `dataset`, else the one with most results."""
    found = [group for group in groups if group.spec_id == spec_id]
    return max(found, key=lambda group: (group.dataset == dataset, len(group.seeds)), default=None)


def planned_pair(planned: Planned, groups: Sequence[Group]) -> Pair:
    """The cell of what a study has, with its group where it was run."""
    group = group_of_spec(groups, planned.group)
    dataset = group.dataset if group else planned.dataset
    beside = [each for each in groups if (each.architecture, each.dataset) == (planned.architecture, dataset)]
    return Pair(planned.architecture, dataset, group, len(beside), "as the study has it", planned.command)


def _foremost(cells: Sequence[Pair]) -> Pair:
    """Of what a study has of a pair the best on the validation split where all have one, else the first."""
    validated = [(cell.group.validation.value, cell) for cell in cells if cell.group and cell.group.validation]
    if len(cells) == 1 or len(validated) < len(cells):
        return cells[0]
    _, best = max(validated, key=lambda each: each[0])
    return replace(best, chosen=f"of {len(cells)} that the study has the best on the validation split")


def _ordered(architectures: Iterable[str]) -> list[str]:
    known = list(ARCHITECTURES)
    return sorted(set(architectures), key=lambda name: (known.index(name) if name in known else len(known), name))


def _cell(architecture: str, dataset: str, candidates: Sequence[Group]) -> Pair:
    if not candidates:
        name = OF_SEVERAL.sub("", dataset)
        words = ["vitreport", "train", model_word(architecture), "--dataset", name, *data_dir_words(name)]
        command = printable(shlex.join(words))
        return Pair(architecture, dataset, None, 0, "", command)
    group, why = _choice(candidates)
    return Pair(architecture, dataset, group, len(candidates), why, group.command)


def _choice(candidates: Sequence[Group]) -> tuple[Group, str]:
    """The preset's group, else the best on the validation split, else the one with most seeds, then epochs."""
    if len(candidates) == 1:
        return candidates[0], "the only one"
    usable = [group for group in candidates if group.test] or candidates
    if preset := next(filter(is_preset, usable), None):
        return preset, "the preset's settings"
    if all(group.validation for group in usable):
        best = max(usable, key=lambda group: group.validation.value if group.validation else 0.0)
        return best, f"the best of {len(usable)} on the validation split"
    most = max(usable, key=lambda group: (len(group.seeds), group.fields["train.epochs"]))
    return most, f"of {len(usable)} the one with most seeds, then most epochs"


def is_preset(group: Group) -> bool:
    """Whether it is trained as the preset of its architecture and data set says."""
    fields: Mapping[str, Any] = group.fields
    dataset, size, classes = (fields[f"data.{name}"] for name in ("dataset", "image_size", "num_classes"))
    found = preset_hash(group.architecture, dataset, size, classes)
    return hash_in_group(group.id) == found
