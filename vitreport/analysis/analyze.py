"""From the folders of runs to a Summary."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.analysis.ablations import Design, inferred_ablations, planned_ablations
from vitreport.analysis.datasets import name_datasets
from vitreport.analysis.details import Damage
from vitreport.analysis.distinguish import distinguished
from vitreport.analysis.fields import field_table, label_among, label_of
from vitreport.analysis.groups import group_runs
from vitreport.analysis.observed import Observed, observe
from vitreport.analysis.paired import single_runs, with_paired_levels, with_paired_pairs
from vitreport.analysis.provenance import provenance_of
from vitreport.analysis.read_details import read_details
from vitreport.analysis.references import architecture_reference, architecture_title
from vitreport.analysis.representative import Planned, pairs_of, planned_pair
from vitreport.analysis.summary import Ablation, Architecture, Group, Pair, RunSummary, Section, Summary
from vitreport.records.groups import mixed_randomness
from vitreport.spec.model import ARCHITECTURES

NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class PlannedSection:
    """A part of a study: its runs by name, and the ids of its designs."""

    title: str
    question: str
    runs: tuple[tuple[str, Planned], ...]
    ablations: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """What is to be reported beside the runs that are there; from a study also which pairs, in its order.

    A study says itself what is varied: nothing is inferred beside it. `best_over_epochs` are the groups of which a
    published figure is the best test accuracy of all epochs.
    """

    designs: tuple[Design, ...] = ()
    pairs: tuple[Planned, ...] = ()
    sections: tuple[PlannedSection, ...] = ()
    best_over_epochs: frozenset[str] = frozenset()


def analyze(folders: Sequence[Path], outline: Outline = Outline(), damage: Iterable[Damage] = ()) -> Summary:
    """Read every folder once, and those of the groups that are shown at length again.

    `damage` is what was found beside the runs: it is reported with theirs.
    """
    runs = list(observe(sorted(folders, key=lambda folder: folder.name)))
    names, datasets = name_datasets(runs)
    groups = group_runs(runs, names, outline.best_over_epochs)
    cells = pairs_of(groups, [dataset.id for dataset in datasets], outline.pairs)
    groups, cells = _detailed(groups, cells, {run.id: run.folder for run in runs})
    standing = [cell.group for cell in cells if cell.group]
    planned = planned_ablations(outline.designs, groups)
    known = single_runs(groups, runs)
    inferred = [] if outline.sections else inferred_ablations(groups, standing, planned.values())
    compared = [with_paired_levels(ablation, known) for ablation in (*planned.values(), *inferred)]
    ablations = distinguished(compared, groups)
    designed = {ablation.design: ablation for ablation in ablations if ablation.design}
    return Summary(
        runs=len(runs),
        sections=tuple(_section(section, groups, designed) for section in outline.sections),
        architectures=tuple(_architectures(groups, with_paired_pairs(cells, known), ablations)),
        datasets=tuple(datasets),
        unplaced=tuple(_unplaced(run) for run in runs if run.spec is None),
        damage=(*damage, *(each for run in runs for each in run.damage), *_found_at_length(standing)),
        provenance=provenance_of(runs),
        mixed_randomness=_mixed_randomness(groups, runs),
    )


def _mixed_randomness(groups: Sequence[Group], runs: Iterable[Observed]) -> tuple[str, ...]:
    versions = {run.id: run.record.randomness for run in runs if run.record}
    drawn = {
        group.id: {run.seed: versions[run.id] for run in group.runs if run.seed is not None and run.id in versions}
        for group in groups
    }
    return tuple(mixed_randomness(drawn))


def _detailed(
    groups: Sequence[Group], cells: Sequence[Pair], folders: Mapping[str, Path]
) -> tuple[list[Group], list[Pair]]:
    """The groups with their labels, those that stand for a pair with what is shown of them at length."""
    standing = {(cell.architecture, cell.dataset): cell.group for cell in cells if cell.group}
    siblings: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        siblings[group.architecture, group.dataset].append(group)
    told: dict[str, Group] = {}
    for group in groups:
        pair = group.architecture, group.dataset
        standard, details = standing.get(pair), None
        if group is standard:
            shown = [folders[run.id] for run in group.runs if run.state == group.state]
            details = read_details(shown, finished=group.state == "done")
        label = label_of(group, standard) if standard else label_among(group, siblings[pair])
        told[group.id] = replace(group, label=label, details=details)
    return list(told.values()), [replace(cell, group=cell.group and told[cell.group.id]) for cell in cells]


def _found_at_length(groups: Iterable[Group]) -> Iterable[Damage]:
    return (each for group in groups if group.details for each in group.details.damage)


def _architectures(
    groups: Sequence[Group], cells: Sequence[Pair], ablations: Sequence[Ablation]
) -> Iterable[Architecture]:
    """In the order of the cells; without a study in that of the spec. Groups in that of what sets them apart."""
    members: dict[str, list[Group]] = defaultdict(list)
    order = list(dict.fromkeys(cell.dataset for cell in cells))
    for group in sorted(groups, key=lambda group: (_place(group.dataset, order), _natural(group.label), group.id)):
        members[group.architecture].append(group)
    for name in dict.fromkeys(cell.architecture for cell in cells):
        yield Architecture(
            name=name,
            title=architecture_title(name),
            about=_about(name),
            reference=architecture_reference(name),
            model_fields=field_table(members[name], lambda path: path.startswith("model.")),
            training_fields=field_table(members[name], lambda path: not path.startswith("model.")),
            pairs=tuple(cell for cell in cells if cell.architecture == name),
            groups=tuple(members[name]),
            ablations=tuple(ablation for ablation in ablations if ablation.architecture == name),
        )


def _section(section: PlannedSection, groups: Sequence[Group], ablations: Mapping[str, Ablation]) -> Section:
    return Section(
        title=section.title,
        question=section.question,
        runs=tuple((name, planned_pair(planned, groups)) for name, planned in section.runs),
        ablations=tuple(ablations[design] for design in section.ablations),
    )


def _natural(label: str) -> list[tuple[float, str]]:
    """By this key nothing comes first, and batch_size 16 before batch_size 128."""
    return [(float(part) if place % 2 else 0.0, part) for place, part in enumerate(NUMBER.split(label))]


def _place(dataset: str, order: Sequence[str]) -> int:
    return order.index(dataset) if dataset in order else len(order)


def _about(name: str) -> str:
    """The first line of its description."""
    family = "timm" if name.startswith("timm-") else name
    return ARCHITECTURES[family].description.partition("\n")[0] if family in ARCHITECTURES else ""


def _unplaced(run: Observed) -> RunSummary:
    note = run.record.error.message if run.record and run.record.error else ""
    return RunSummary(run.id, None, run.state, run.epoch, None, last_seen=run.last_seen, note=note)
