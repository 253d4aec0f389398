"""What was measured, as plain data: every number of a report, a table or a list of runs.

Accuracies are fractions of images, losses are in nats. All intervals are 95% intervals.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from vitreport.analysis.groups import Group
from vitreport.analysis.power import ToSettle
from vitreport.analysis.references import architecture_title
from vitreport.analysis.runs import Dataset, RunSummary, State
from vitreport.data.registry import dataset_title
from vitreport.formatting import Estimate
from vitreport.records.reader import Damage
from vitreport.spec.sweep import ValueSpec, shown_level


@dataclass(frozen=True)
class Paired:
    """A single run against that of the group `other`: how many test images each alone classifies correctly."""

    other: str
    images: int
    alone: int
    other_alone: int
    p: float  # that of McNemar's exact test; it says nothing about other seeds


@dataclass(frozen=True)
class Pair:
    """One architecture on one dataset, and the group that represents it; None if nothing was run."""

    architecture: str
    dataset: str
    group: Group | None
    candidates: int
    chosen: str  # why this one of all candidates
    command: str
    paired: Paired | None = None  # with the single run that has most correct images


@dataclass(frozen=True)
class Level:
    """One value of each axis of an ablation, and its difference from the baseline."""

    values: tuple[ValueSpec, ...]
    state: State
    accuracy: Estimate | None
    difference: Estimate | None
    group: str | None  # the id of its group
    command: str
    missing: int = 0  # how many of the planned runs have no result
    paired: Paired | None = None  # with the baseline

    @property
    def shown(self) -> str:
        """The level in a sentence: 16; of several fields (16, 2)."""
        return shown_level(self.labels)

    @property
    def texts(self) -> tuple[str, ...]:
        """The level in a table, one text for each axis."""
        return tuple(shown_level([label]) for label in self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each value."""
        return tuple(value.label for value in self.values)

    @property
    def number(self) -> float | None:
        """The value of a single axis over numbers."""
        value = self.values[0].value if len(self.values) == 1 else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Ablation:
    """What was varied while all else was equal."""

    name: str  # unique in a summary
    architecture: str
    dataset: str
    axes: tuple[str, ...]
    levels: tuple[Level, ...]
    baseline: int | None  # an index of `levels`
    source: Literal["sweep", "inferred", "study"]  # inferred: the groups were found to differ in one field only
    ends: Estimate | None = None  # the last level minus the first
    design: str = ""  # the id of the sweep, or of the part of a study
    to_settle: ToSettle | None = None  # where differences from the baseline are not shown
    qualifier: str = ""  # which one it is, where others of its architecture and dataset vary the same

    @property
    def varied(self) -> frozenset[str]:
        """The paths of the fields that are varied."""
        return frozenset(path for level in self.levels for value in level.values for path in value.fields)


@dataclass(frozen=True)
class Comparison:
    """The runs of a section on one dataset, by the names that they have there."""

    name: str  # unique in a summary
    dataset: str
    runs: tuple[tuple[str, Pair], ...]
    command: str  # trains what is missing

    @property
    def groups(self) -> tuple[tuple[str, Group], ...]:
        """What was run."""
        return tuple((name, pair.group) for name, pair in self.runs if pair.group)

    @property
    def heading(self) -> str:
        """What is compared: Perceiver IO on CIFAR-10; Architectures on CIFAR-10."""
        names = {pair.architecture for _, pair in self.runs}
        what = architecture_title(names.pop()) if len(names) == 1 else "Architectures"
        return f"{what} on {dataset_title(self.dataset)}"


@dataclass(frozen=True)
class Section:
    """A question, its runs by name, and its ablations; `command` trains what is missing of a part of a study."""

    title: str
    question: str
    runs: tuple[tuple[str, Pair], ...]
    ablations: tuple[Ablation, ...]
    command: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its runs and ablations."""
        return (*(name for name, _ in self.runs), *(ablation.name for ablation in self.ablations))

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Its runs by dataset, with the title of their architecture as name where it is the only one."""
        found = []
        for dataset in dict.fromkeys(pair.dataset for _, pair in self.runs):
            own = [(name, pair) for name, pair in self.runs if pair.dataset == dataset]
            uses = Counter(pair.architecture for _, pair in own)
            named = [(architecture_title(p.architecture) if uses[p.architecture] == 1 else name, p) for name, p in own]
            found.append(Comparison(f"{self.title} on {dataset}", dataset, tuple(named), self.command))
        return tuple(found)

    @property
    def is_measured(self) -> bool:
        """Whether any of it was run."""
        levels = (level.group for ablation in self.ablations for level in ablation.levels)
        return any(pair.group for _, pair in self.runs) or any(levels)


@dataclass(frozen=True)
class FieldTable:
    """Fields of specs: what all groups share, and what differs, one row for each group."""

    shared: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Architecture:
    """An architecture with its groups, by dataset, and the pairs that represent it in the overview."""

    name: str
    title: str
    about: str
    reference: str
    pairs: tuple[Pair, ...]
    groups: tuple[Group, ...]
    ablations: tuple[Ablation, ...]


@dataclass(frozen=True)
class Provenance:
    """Where the runs come from: each value with its number of runs."""

    devices: tuple[tuple[str, int], ...]
    versions: tuple[tuple[str, int], ...]
    commits: tuple[tuple[str, int], ...]
    unknown_commits: int
    seconds: float  # of all runs together
    resumed: int
    resumed_elsewhere: int  # how many were resumed under another fingerprint


@dataclass(frozen=True)
class Summary:
    """Everything, in the order of the report. Without a study there is a section for each dataset and ablation."""

    runs: int
    sections: tuple[Section, ...]
    architectures: tuple[Architecture, ...]
    datasets: tuple[Dataset, ...]
    unplaced: tuple[RunSummary, ...]  # runs without a readable spec
    damage: tuple[Damage, ...]
    provenance: Provenance
    command: str = ""  # trains what is missing of a study

    def group(self, group_id: str) -> Group:
        """Return a group by its id."""
        return next(each for each in self.groups if each.id == group_id)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of all architectures."""
        return tuple(pair for architecture in self.architectures for pair in architecture.pairs)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of all architectures."""
        return tuple(group for architecture in self.architectures for group in architecture.groups)

    @property
    def ablations(self) -> tuple[Ablation, ...]:
        """The ablations of all architectures."""
        return tuple(ablation for architecture in self.architectures for ablation in architecture.ablations)

    @property
    def has_pairs(self) -> bool:
        """Whether single runs are compared image by image."""
        levels = (level.paired for ablation in self.ablations for level in ablation.levels)
        return any(levels) or any(pair.paired for pair in self.pairs)
