"""Analyze runs: from records to a Summary."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vitreport.analysis.ablations import inferred_ablations, planned_ablations
from vitreport.analysis.comparisons import single_runs, with_paired_levels, with_paired_pairs
from vitreport.analysis.datasets import datasets_of
from vitreport.analysis.details import read_details
from vitreport.analysis.groups import group_runs
from vitreport.analysis.labels import field_table, group_label, qualified
from vitreport.analysis.observed import observe
from vitreport.analysis.references import architecture_reference, architecture_summary, architecture_title
from vitreport.analysis.representative import Planned, pairs_of, planned_pair
from vitreport.analysis.summary import Ablation, Architecture, Group, Pair, Provenance, Section, Summary
from vitreport.records.reader import Damage, Run, read_run
from vitreport.records.run import RunRecord
from vitreport.records.sweeps import SweepRecord

SHOWN_DIGITS = 12
NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class PlannedSection:
    """A part of a study: its runs by name, and the ids of its sweeps."""

    title: str
    question: str
    runs: tuple[tuple[str, Planned], ...]
    ablations: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """What is to be reported beside the runs that are there; from a study also which pairs, in its order.

    A study says itself what is varied: nothing is inferred beside it. `best_over_epochs` are the groups of which a
    published figure is the best test accuracy of all epochs. `parts` is what is planned for sweeps, by their ids.
    """

    sweeps: tuple[SweepRecord, ...] = ()
    pairs: tuple[Planned, ...] = ()
    sections: tuple[PlannedSection, ...] = ()
    best_over_epochs: frozenset[str] = frozenset()
    parts: Mapping[str, Planned] = field(default_factory=dict)


def analyze(
    runs: Iterable[Run | Path], outline: Outline = Outline(), damage: Iterable[Damage] = (), *, details: bool = True
) -> Summary:
    """Analyze runs: groups of seeds with their estimates, ablations, and a representative of each architecture.

    Args:
        runs: Runs, or the folders of runs, which are read one at a time.
        outline: Sweeps and studies that the runs belong to.
        damage: What else could not be read; it is reported with the damage of the runs.
        details: Read the runs of the representatives again for curves, classes, confusion, calibration and mistakes.

    Returns:
        Everything that a table, a sentence or a report says of the runs. Accuracies are fractions of images, losses
        are in nats, intervals are 95% intervals.
    """
    seen = sorted(
        ((observe(run if isinstance(run, Run) else read_run(run)), run) for run in runs), key=lambda pair: pair[0].id
    )
    observed = [run for run, _ in seen]
    datasets = datasets_of(observed)
    groups = group_runs(observed, outline.best_over_epochs)
    pairs = pairs_of(groups, datasets, outline.pairs)
    folders = {run.id: source.folder if isinstance(source, Run) else source for run, source in seen if details}
    groups, pairs = _labelled(groups, pairs, folders)
    representatives = [pair.group for pair in pairs if pair.group]
    planned = planned_ablations(outline.sweeps, groups, outline.parts)
    known = single_runs(groups, observed)
    inferred = [] if outline.sections else inferred_ablations(groups, representatives, planned.values())
    ablations = qualified([with_paired_levels(each, known) for each in (*planned.values(), *inferred)], groups)
    designed = {ablation.design: ablation for ablation in ablations if ablation.design}
    read_later = [each for group in representatives if group.details for each in group.details.damage]
    return Summary(
        runs=len(observed),
        sections=tuple(
            Section(
                title=section.title,
                question=section.question,
                runs=tuple((name, planned_pair(planned, groups)) for name, planned in section.runs),
                ablations=tuple(designed[design] for design in section.ablations),
            )
            for section in outline.sections
        ),
        architectures=tuple(_architectures(groups, with_paired_pairs(pairs, known), ablations)),
        datasets=tuple(datasets),
        unplaced=tuple(run.summary for run in observed if run.spec is None),
        damage=(*damage, *(each for run in observed for each in run.damage), *read_later),
        provenance=_provenance([run.record for run in observed if run.record]),
    )


def _provenance(records: Sequence[RunRecord]) -> Provenance:
    def counted(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(Counter(values).items()))

    states = [record.git for record in records if record.git]
    commits = [f"{git.commit[:SHOWN_DIGITS]}{', with changes' if git.dirty else ''}" for git in states]
    return Provenance(
        devices=counted(record.device for record in records),
        versions=counted(f"{name} {version}" for record in records for name, version in record.versions.items()),
        commits=counted(commits),
        unknown_commits=len(records) - len(commits),
        resumed=sum(bool(record.resumed) for record in records),
        resumed_elsewhere=sum(any(each.changed for each in record.resumed) for record in records),
    )


def _labelled(
    groups: Sequence[Group], pairs: Sequence[Pair], folders: Mapping[str, Path]
) -> tuple[list[Group], list[Pair]]:
    """Label the groups, and read the details of representatives from their `folders`, if these are given."""
    representatives = {(pair.architecture, pair.dataset): pair.group for pair in pairs if pair.group}
    siblings: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        siblings[group.architecture, group.dataset].append(group)
    labelled: dict[str, Group] = {}
    for group in groups:
        key = group.architecture, group.dataset
        representative, details = representatives.get(key), None
        if group is representative and folders:
            shown = [folders[run.id] for run in group.runs if run.state == group.state]
            details = read_details(shown, finished=group.state == "done")
        label = group_label(group, representative, siblings[key])
        labelled[group.id] = replace(group, label=label, details=details)
    return list(labelled.values()), [replace(pair, group=pair.group and labelled[pair.group.id]) for pair in pairs]


def _architectures(
    groups: Sequence[Group], pairs: Sequence[Pair], ablations: Sequence[Ablation]
) -> Iterable[Architecture]:
    """In the order of the pairs; the groups by data set and label."""
    members: dict[str, list[Group]] = defaultdict(list)
    order = list(dict.fromkeys(pair.dataset for pair in pairs))
    places = {dataset: place for place, dataset in enumerate(order)}
    for group in sorted(groups, key=lambda g: (places.get(g.dataset, len(order)), _natural(g.label), g.id)):
        members[group.architecture].append(group)
    for name in dict.fromkeys(pair.architecture for pair in pairs):
        yield Architecture(
            name=name,
            title=architecture_title(name),
            about=architecture_summary(name),
            reference=architecture_reference(name),
            model_fields=field_table(members[name], lambda path: path.startswith("model.")),
            training_fields=field_table(members[name], lambda path: not path.startswith("model.")),
            pairs=tuple(pair for pair in pairs if pair.architecture == name),
            groups=tuple(members[name]),
            ablations=tuple(ablation for ablation in ablations if ablation.architecture == name),
        )


def _natural(label: str) -> list[tuple[float, str]]:
    """By this key nothing comes first, and batch_size 16 before batch_size 128."""
    return [(float(part) if place % 2 else 0.0, part) for place, part in enumerate(NUMBER.split(label))]
