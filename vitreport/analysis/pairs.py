"""Choose the group that represents an architecture on a dataset, without looking at test accuracy."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title, subject_of, where_of
from vitreport.analysis.summary import Ablation, Pair, Section
from vitreport.analysis.train_commands import usual_command
from vitreport.data.registry import DATASETS
from vitreport.spec.model import ARCHITECTURES


class Planned(NamedTuple):
    """What a study plans for a pair: the id of its group, and the command that trains it."""

    architecture: str
    dataset: str
    group: str
    command: str


def pairs_of(groups: Sequence[Group], planned: Sequence[Planned]) -> list[Pair]:
    """Return the pairs of a study, else every architecture with every dataset."""
    if planned:
        of_pair: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for each in planned:
            of_pair[each.architecture, each.dataset].append(planned_pair(each, groups))
        return [_best_planned(pairs) for pairs in of_pair.values()]
    candidates: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        candidates[group.architecture, group.dataset].append(group)
    names: dict[str, str] = {group.dataset: group.fields["data.dataset"] for group in groups}
    architectures = {group.architecture: group.architecture for group in groups}
    pairs = []
    for architecture, dataset in product(_ordered(architectures, ARCHITECTURES), _ordered(names, DATASETS)):
        if found := candidates.get((architecture, dataset)):
            group, chosen = _representative(found)
            pairs.append(Pair(architecture, dataset, group, len(found), chosen, group.command))
        else:
            pairs.append(Pair(architecture, dataset, None, 0, "", usual_command(architecture, names[dataset])))
    return pairs


def group_of_spec(groups: Iterable[Group], spec_id: str, dataset: str = "") -> Group | None:
    """Return the group of a spec: on several datasets that on `dataset`, else the one with most results."""
    found = [group for group in groups if group.spec_id == spec_id]
    return max(found, key=lambda group: (group.dataset == dataset, len(group.seeds)), default=None)


def planned_pair(planned: Planned, groups: Sequence[Group]) -> Pair:
    """Return a pair of a study, with its group if it was run."""
    group = group_of_spec(groups, planned.group)
    dataset = group.dataset if group else planned.dataset
    candidates = sum((each.architecture, each.dataset) == (planned.architecture, dataset) for each in groups)
    return Pair(planned.architecture, dataset, group, candidates, "as the study has it", planned.command)


def usual_sections(pairs: Sequence[Pair], ablations: Sequence[Ablation]) -> Iterator[Section]:
    """Yield a section for each dataset and for each ablation."""
    for dataset in dict.fromkeys(pair.dataset for pair in pairs):
        runs = tuple((architecture_title(each.architecture), each) for each in pairs if each.dataset == dataset)
        section = Section("", "", tuple(each for each in runs if each[1].group), ())
        if section.runs:
            yield replace(section, title=section.comparisons[0].heading)
    for ablation in ablations:
        yield Section(subject_of(ablation), "", (), (ablation,))


def other_sections(sections: Sequence[Section], groups: Sequence[Group]) -> Iterator[Section]:
    """Yield a section for the groups of each architecture and dataset that are in none of these sections."""
    shown = {group.id for section in sections for part in section.comparisons for _, group in part.groups}
    shown |= {level.group for section in sections for each in section.ablations for level in each.levels if level.group}
    others: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        if group.id not in shown:
            others[where_of(group)].append(group)
    for where, found in others.items():
        uses = Counter(group.label for group in found)
        names = [group.label if uses[group.label] == 1 else f"{group.label} ({group.spec_id[-8:]})" for group in found]
        pairs = [Pair(each.architecture, each.dataset, each, len(found), "", each.command) for each in found]
        yield Section(f"Other settings of {where}", "", tuple(zip(names, pairs, strict=True)), ())


def _ordered(names: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Return known names first, in their order."""
    return sorted(names, key=lambda each: ([*known, names[each]].index(names[each]), each))


def _best_planned(pairs: Sequence[Pair]) -> Pair:
    """Return the best on the validation split if all have one, else the first."""
    stable = [pair for pair in pairs if not (pair.group and pair.group.diverged)] or pairs
    place = _best_validated([pair.group for pair in stable])
    if len(pairs) == 1 or place is None:
        return stable[0]
    return replace(stable[place], chosen=f"of {len(pairs)} that the study has the best on the validation split")


def _representative(candidates: Sequence[Group]) -> tuple[Group, str]:
    """Return the preset's group, else the best on the validation split, else that with most seeds, then epochs.

    A group with diverged seeds represents only if all have some.
    """
    if len(candidates) == 1:
        return candidates[0], "the only one"
    tested = [group for group in candidates if group.test] or candidates
    usable = [group for group in tested if not group.diverged] or tested
    if preset := next((group for group in usable if group.is_preset), None):
        return preset, "the preset's settings"
    if len(usable) == 1:
        return usable[0], f"the only one {'with results' if len(tested) == 1 else 'without diverged runs'}"
    if (place := _best_validated(usable)) is not None:
        return usable[place], f"the best of {len(usable)} on the validation split"
    most = max(usable, key=lambda group: (len(group.seeds), group.fields["train.epochs"]))
    return most, f"of {len(candidates)} the one with most seeds, then most epochs"


def _best_validated(groups: Sequence[Group | None]) -> int | None:
    """Return the place of the highest validation accuracy, None unless all groups have one."""
    values = [group.validation.value for group in groups if group and group.validation]
    return values.index(max(values)) if len(values) == len(groups) else None
