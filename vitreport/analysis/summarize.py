"""Summarize runs: from records to a Summary."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vitreport.analysis.ablations import inferred_ablations, planned_ablations
from vitreport.analysis.group_details import read_details
from vitreport.analysis.groups import Group, group_runs
from vitreport.analysis.labels import group_label, with_distinct_names
from vitreport.analysis.references import architecture_kind, architecture_summary, architecture_title
from vitreport.analysis.representatives import Planned, best_first, pairs_of
from vitreport.analysis.runs import datasets_of, summarize_run
from vitreport.analysis.sections import PlannedSection, other_sections, planned_section, usual_sections
from vitreport.analysis.study_text import Template, fill, has_result
from vitreport.analysis.summary import Architecture, Pair, Provenance, Summary
from vitreport.records.reader import Damage, Run, read_run
from vitreport.records.run import RunRecord, SweepRecord

NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class Outline:
    """What to report in addition to the runs that are there. With sections, no ablations are inferred."""

    sweeps: tuple[SweepRecord, ...] = ()
    pairs: tuple[Planned, ...] = ()  # those of a study, in its order
    sections: tuple[PlannedSection, ...] = ()
    parts: Mapping[str, Planned] = field(default_factory=dict)  # what is planned for sweeps, by their ids
    command: str = ""  # trains what is missing of a study
    introduction: Template = ()
    conclusion: Template = ()


def summarize(runs: Iterable[Run | Path], outline: Outline = Outline(), damage: Iterable[Damage] = ()) -> Summary:
    """Summarize runs.

    Args:
        runs: Runs, or the folders of runs, which are read one at a time.
        outline: Sweeps and studies that the runs belong to.
        damage: What else could not be read; it is reported with the damage of the runs.
    """
    read = (each if isinstance(each, Run) else read_run(each) for each in runs)
    seen = sorted(((summarize_run(run), run.folder) for run in read), key=lambda each: each[0].id)
    summarized = [run for run, _ in seen]
    found = group_runs(summarized)
    pairs = pairs_of(found, outline.pairs)
    labelled = _labelled(found, pairs, {run.id: folder for run, folder in seen})
    groups = list(labelled.values())
    pairs = best_first([replace(each, group=each.group and labelled[each.group.id]) for each in pairs])
    representatives = [pair.group for pair in pairs if pair.group]
    planned = planned_ablations(outline.sweeps, groups, outline.parts)
    inferred = [] if outline.sections else inferred_ablations(groups, representatives, planned)
    ablations = with_distinct_names([*planned, *inferred])
    designed = {ablation.design: ablation for ablation in ablations if ablation.design}
    sections = [planned_section(section, groups, designed) for section in outline.sections]
    sections = sections or list(usual_sections(pairs, ablations))
    names = list(dict.fromkeys([*(pair.architecture for pair in pairs), *(group.architecture for group in groups)]))
    groups = _in_order(groups, names, pairs)
    return Summary(
        runs=len(seen),
        sections=(*sections, *other_sections(sections, groups)),
        architectures=tuple(map(_architecture, names)),
        pairs=tuple(pairs),
        groups=tuple(groups),
        ablations=tuple(sorted(ablations, key=lambda each: names.index(each.architecture))),
        datasets=tuple(datasets_of(summarized)),
        unplaced=tuple(run for run in summarized if run.spec is None),
        damage=(
            *damage,
            *(each for run in summarized for each in run.damage),
            *(each for group in representatives if group.details for each in group.details.damage),
        ),
        provenance=_provenance([run.record for run in summarized if run.record]),
        command=outline.command,
        introduction=fill(outline.introduction, groups, ablations),
        conclusion=fill(outline.conclusion, groups, ablations) if has_result(outline.conclusion, groups) else "",
    )


def _in_order(groups: Iterable[Group], architectures: Sequence[str], pairs: Sequence[Pair]) -> list[Group]:
    """Sort groups by architecture, then by dataset as the pairs have them, then by their labels."""
    groups = list(groups)
    datasets = list(dict.fromkeys([*(pair.dataset for pair in pairs), *(group.dataset for group in groups)]))

    def place(group: Group) -> tuple[Any, ...]:
        kind = architectures.index(group.architecture), datasets.index(group.dataset)
        return *kind, _natural(group.label), group.id

    return sorted(groups, key=place)


def _architecture(name: str) -> Architecture:
    return Architecture(name, architecture_title(name), architecture_summary(name), architecture_kind(name).citation)


def _provenance(records: Sequence[RunRecord]) -> Provenance:
    def counted(values: Iterable[str]) -> dict[str, int]:
        return dict(sorted(Counter(values).items()))

    return Provenance(
        devices=counted(record.device for record in records),
        versions=counted(f"{name} {version}" for record in records for name, version in record.versions.items()),
        commits=counted(str(record.git or "unknown") for record in records),
        seconds=sum(record.seconds for record in records),
        resumed=sum(bool(record.resumed) for record in records),
        resumed_elsewhere=sum(any(each.changed for each in record.resumed) for record in records),
    )


def _labelled(groups: Sequence[Group], pairs: Sequence[Pair], folders: Mapping[str, Path]) -> dict[str, Group]:
    """Label the groups, and read the details of representatives from their `folders`."""
    representatives = {(pair.architecture, pair.dataset): pair.group for pair in pairs if pair.group}
    labelled: dict[str, Group] = {}
    for group in groups:
        representative, details = representatives.get((group.architecture, group.dataset)), None
        if group is representative and group.state == "done":
            details = read_details(folders[run.id] for run in group.runs if run.state == "done")
        labelled[group.id] = replace(group, label=group_label(group, representative, groups), details=details)
    return labelled


def _natural(label: str) -> list[tuple[float, str]]:
    """Sort nothing first, and batch_size 16 before batch_size 128."""
    return [(float(part) if place % 2 else 0.0, part) for place, part in enumerate(NUMBER.split(label))]
