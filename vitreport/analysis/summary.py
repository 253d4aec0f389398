"""What was measured, as plain data: every number of a report, a table or a list of runs.

Accuracies are fractions of images, losses are in nats. All intervals are 95% intervals.
"""

from dataclasses import dataclass
from typing import Literal

from vitreport.analysis.groups import Group
from vitreport.analysis.power import ToSettle
from vitreport.analysis.runs import Dataset, RunSummary, State
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


@dataclass(frozen=True)
class Section:
    """A part of a study: its question, its runs by name, and its ablations."""

    title: str
    question: str
    runs: tuple[tuple[str, Pair], ...]
    ablations: tuple[Ablation, ...]


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
    model_fields: FieldTable
    training_fields: FieldTable
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
    resumed: int
    resumed_elsewhere: int  # how many were resumed under another fingerprint


@dataclass(frozen=True)
class Summary:
    """Everything, in the order of the report."""

    runs: int
    sections: tuple[Section, ...]
    architectures: tuple[Architecture, ...]
    datasets: tuple[Dataset, ...]
    unplaced: tuple[RunSummary, ...]  # runs without a readable spec
    damage: tuple[Damage, ...]
    provenance: Provenance

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
