"""The sections of a report: those of a study, else one for each dataset and ablation, and what is in none of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title, subject_of, where_of
from vitreport.analysis.representatives import Planned, group_of_spec
from vitreport.analysis.study_text import Template, fill
from vitreport.analysis.summary import Ablation, Comparison, Pair, Section
from vitreport.data.registry import dataset_title
from vitreport.formatting import joined

MAX_IN_A_HEADING = 2


class PlannedSection(NamedTuple):
    """A part of a study: its runs by name, the ids of its sweeps, and the command that trains what is missing."""

    title: str
    question: str
    runs: tuple[tuple[str, Planned], ...]
    ablations: tuple[str, ...]
    command: str = ""
    text: Template = ()


def planned_section(planned: PlannedSection, groups: Sequence[Group], designed: Mapping[str, Ablation]) -> Section:
    """Return a section of a study with what was run of it; `designed` has the ablations by the ids of their sweeps."""
    runs = [(name, group_of_spec(groups, each.group) or each) for name, each in planned.runs]
    ablations = tuple(designed[design] for design in planned.ablations)
    parts = (*(name for name, _ in runs), *(ablation.name for ablation in ablations))
    comparisons = _comparisons(planned.title, runs, planned.command)
    text = fill(planned.text, groups, designed.values())
    return Section(planned.title, planned.question, parts, comparisons, ablations, text, planned.command)


def usual_sections(pairs: Sequence[Pair], ablations: Sequence[Ablation]) -> Iterator[Section]:
    """Yield a section for each dataset and for each ablation."""
    for each in _comparisons("All", [("", pair.group) for pair in pairs if pair.group]):
        yield Section(each.heading, "", (), (each,))
    for ablation in ablations:
        yield Section(subject_of(ablation), "", (ablation.name,), (), (ablation,))


def other_sections(sections: Sequence[Section], groups: Sequence[Group]) -> Iterator[Section]:
    """Yield a section for the groups of each architecture and dataset that are in none of these sections."""
    shown = {group.id for section in sections for group in section.groups}
    others: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        if group.id not in shown:
            others[where_of(group)].append(group)
    for where, found in others.items():
        uses, title = Counter(group.label for group in found), f"Other settings of {where}"
        names = [group.label if uses[group.label] == 1 else f"{group.label} ({group.spec_id[-8:]})" for group in found]
        yield Section(title, "", (), _comparisons(title, list(zip(names, found, strict=True)), has_names=True))


def _comparisons(
    title: str, runs: Sequence[tuple[str, Group | Planned]], command: str = "", *, has_names: bool = False
) -> tuple[Comparison, ...]:
    """Compare runs by dataset. Unless it `has_names`, the only group of its architecture is called by its title."""
    found = []
    for dataset in dict.fromkeys(each.dataset for _, each in runs):
        own = [(name, each) for name, each in runs if each.dataset == dataset]
        titles = list(dict.fromkeys(architecture_title(each.architecture) for _, each in own))
        what = joined(titles) if len(titles) <= MAX_IN_A_HEADING else "Architectures"
        groups = [(name, each) for name, each in own if isinstance(each, Group)]
        uses = Counter(group.architecture for _, group in groups)
        comparison = Comparison(
            name=f"{title} on {dataset}",
            heading=f"{what} on {dataset_title(dataset)}",
            dataset=dataset,
            groups=tuple(
                (name if has_names or uses[group.architecture] > 1 else architecture_title(group.architecture), group)
                for name, group in groups
            ),
            missing=tuple(name for name, each in own if isinstance(each, Planned)),
            command=command,
        )
        found.append(comparison)
    return tuple(found)
