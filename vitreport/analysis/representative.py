"""Choose the group that represents an architecture on a data set, without looking at test accuracy."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from vitreport.analysis.commands import preset_hash, training_command
from vitreport.analysis.references import model_word
from vitreport.analysis.summary import Dataset, Group, Pair
from vitreport.run_id import hash_in_group
from vitreport.spec.model import ARCHITECTURES


@dataclass(frozen=True)
class Planned:
    """What a study has of a pair: a group that is to be there, and the command that trains it."""

    architecture: str
    dataset: str
    group: str
    command: str


def pairs_of(groups: Sequence[Group], datasets: Sequence[Dataset], planned: Sequence[Planned]) -> list[Pair]:
    """Return the pairs of a study, else every architecture with every data set that there are runs of."""
    if planned:
        of_pair: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for each in planned:
            of_pair[each.architecture, each.dataset].append(planned_pair(each, groups))
        return [_best_planned(pairs) for pairs in of_pair.values()]
    candidates: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        candidates[group.architecture, group.dataset].append(group)
    names = {dataset.id: dataset.name for dataset in datasets}
    names |= {group.dataset: group.dataset for group in groups if group.dataset not in names}
    known = list(ARCHITECTURES)
    architectures = sorted(
        {group.architecture for group in groups},
        key=lambda name: (known.index(name) if name in known else len(known), name),
    )
    pairs = []
    for architecture, (dataset, name) in product(architectures, names.items()):
        if found := candidates.get((architecture, dataset)):
            group, chosen = _representative(found)
            pairs.append(Pair(architecture, dataset, group, len(found), chosen, group.command))
        else:
            command = training_command([model_word(architecture), "--dataset", name], name)
            pairs.append(Pair(architecture, dataset, None, 0, "", command))
    return pairs


def group_of_spec(groups: Iterable[Group], spec_id: str, dataset: str = "") -> Group | None:
    """The group of a spec, of several on other bytes that on `dataset`, else the one with most results."""
    found = [group for group in groups if group.spec_id == spec_id]
    return max(found, key=lambda group: (group.dataset == dataset, len(group.seeds)), default=None)


def planned_pair(planned: Planned, groups: Sequence[Group]) -> Pair:
    """Return what a study has of a pair, with its group if it was run."""
    group = group_of_spec(groups, planned.group)
    dataset = group.dataset if group else planned.dataset
    candidates = sum((each.architecture, each.dataset) == (planned.architecture, dataset) for each in groups)
    return Pair(planned.architecture, dataset, group, candidates, "as the study has it", planned.command)


def _best_planned(pairs: Sequence[Pair]) -> Pair:
    """Of several that a study has of a pair, the best on the validation split if all have one, else the first."""
    validated = [(pair.group.validation.value, pair) for pair in pairs if pair.group and pair.group.validation]
    if len(pairs) == 1 or len(validated) < len(pairs):
        return pairs[0]
    _, best = max(validated, key=lambda each: each[0])
    return replace(best, chosen=f"of {len(pairs)} that the study has the best on the validation split")


def _representative(candidates: Sequence[Group]) -> tuple[Group, str]:
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
    data = (group.fields[f"data.{name}"] for name in ("dataset", "image_size", "num_classes"))
    return hash_in_group(group.id) == preset_hash(group.architecture, *data)
