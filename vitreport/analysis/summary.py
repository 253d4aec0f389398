"""What was measured, as plain data: every number of a report, a table or a list of runs.

Accuracies are fractions of images, losses are in nats. All intervals are 95% intervals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from vitreport.analysis.groups import Group, Named
from vitreport.analysis.power import ToSettle
from vitreport.analysis.runs import Dataset, RunSummary, State
from vitreport.formatting import Estimate
from vitreport.records.reader import Damage
from vitreport.spec.sweep import PAIR, Labels, ValueSpec, describe_level, format_level, short_name


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
    chosen: str  # why this group of several
    command: str


@dataclass(frozen=True)
class Level:
    """One value of each axis of an ablation, its group if it was run, and the difference from the baseline."""

    values: tuple[ValueSpec, ...]
    group: Group | None
    missing: int = 0  # how many of the planned runs have no result
    difference: Estimate | None = None
    paired: Paired | None = None  # of single runs: the comparison with the baseline on the same test images

    @property
    def state(self) -> State:
        """The state of its group."""
        return self.group.state if self.group else "not run"

    @property
    def accuracy(self) -> Estimate | None:
        """The test accuracy of its group."""
        return self.group.test if self.group else None

    @property
    def shown(self) -> str:
        """The level in a sentence: 16; for several fields (16, 2)."""
        return format_level(self.labels)

    @property
    def labels(self) -> Labels:
        """The label of each value."""
        return tuple(value.label for value in self.values)

    @property
    def number(self) -> float | None:
        """The value of a single axis over numbers."""
        value = self.values[0].value if len(self.values) == 1 else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Effect:
    """One value of one axis of a grid, averaged over all values of the other axis."""

    axis: str
    level: str
    accuracy: float  # the mean of the test accuracies of its combinations
    difference: Estimate | None  # from the same of the reference, which itself has none


@dataclass(frozen=True)
class Interaction:
    """What a combination of a grid has beyond its two main effects: (y_ij - y_i0) - (y_0j - y_00), 0 the reference."""

    levels: Labels
    difference: Estimate


@dataclass(frozen=True)
class Ablation:
    """What was varied while all else was equal."""

    name: str  # unique in a report
    architecture: str
    dataset: str
    axes: tuple[str, ...]
    levels: tuple[Level, ...]
    baseline: int | None  # an index of `levels`
    source: Literal["sweep", "inferred", "study"]  # inferred: the groups were found to differ in one field only
    ends: Estimate | None = None  # the last level minus the first
    design: str = ""  # the id of the sweep, or of the part of a study
    command: str = ""  # trains what is missing of a part of a study
    to_settle: ToSettle | None = None  # where differences from the baseline are not shown
    qualifier: str = ""  # which one it is, where others of its architecture and dataset vary the same
    effects: tuple[Effect, ...] = ()  # of a grid: two fields, with several seeds of every combination
    interactions: tuple[Interaction, ...] = ()

    @property
    def labels(self) -> tuple[Labels, ...]:
        """The labels of each axis, in the order of their values."""
        return tuple(
            tuple(dict.fromkeys(labels)) for labels in zip(*(each.labels for each in self.levels), strict=True)
        )

    @property
    def reference(self) -> Labels:
        """The labels of the baseline, without one those of the first level."""
        return self.levels[self.baseline or 0].labels

    @property
    def references(self) -> Labels:
        """The reference in sentences, one text for each axis."""
        return tuple(format_level([label]) for label in self.reference)

    @property
    def is_grid(self) -> bool:
        """Whether these are all combinations of two fields: variants are no fields, and datasets do not average."""
        sizes = [len(labels) for labels in self.labels]
        of_fields = (
            axis in map(short_name, value.fields)
            for level in self.levels
            for axis, value in zip(self.axes, level.values, strict=True)
        )
        is_whole = len(sizes) == 2 and min(sizes) > 1 and len(self.levels) == prod(sizes) and all(of_fields)
        return is_whole and "data.dataset" not in self.varied

    def texts(self, level: Level) -> tuple[str, ...]:
        """Return a level in a table, one text for each axis: 16; for paired fields batch_size 16, epochs 2."""
        pairs = zip(self.axes, level.labels, strict=True)
        return tuple(
            describe_level([axis], [label]) if PAIR in axis else format_level([label]) for axis, label in pairs
        )

    @property
    def varied(self) -> frozenset[str]:
        """The paths of the fields that are varied."""
        return frozenset(path for level in self.levels for value in level.values for path in value.fields)

    @property
    def groups(self) -> Named:
        """What was run, by its levels."""
        return tuple((level.shown, level.group) for level in self.levels if level.group)


@dataclass(frozen=True)
class Comparison:
    """The groups of a section on one dataset, by the names that they have there, and what was not run."""

    name: str  # unique in a summary
    heading: str
    dataset: str
    groups: Named
    missing: tuple[str, ...] = ()
    command: str = ""  # trains what is missing


@dataclass(frozen=True)
class Section:
    """A question, the comparisons and ablations that answer it, and the names of its parts."""

    title: str
    question: str
    parts: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    ablations: tuple[Ablation, ...] = ()
    text: str = ""  # what the author of a study says of it, in Markdown
    command: str = ""  # trains what is missing

    @property
    def groups(self) -> list[Group]:
        """What was run of it."""
        compared = [group for each in self.comparisons for _, group in each.groups]
        return [*compared, *(group for each in self.ablations for _, group in each.groups)]


@dataclass(frozen=True)
class Finding:
    """A sentence, and what it rests on: the ids of groups, and the estimate where it speaks of one."""

    rule: str
    sentence: str
    groups: tuple[str, ...] = ()
    estimate: Estimate | None = None
    place: str = ""  # the name of the comparison or ablation that it is about; one about datasets or claims has none
    subject: str = ""  # what it is about, for where no heading says it


@dataclass(frozen=True)
class Architecture:
    """What an architecture is, and the key of its paper."""

    name: str
    title: str
    about: str
    reference: str


@dataclass(frozen=True)
class Provenance:
    """Where the runs come from: each value with its number of runs."""

    devices: Mapping[str, int]
    versions: Mapping[str, int]
    commits: Mapping[str, int]
    seconds: float  # of all runs together
    resumed: int
    resumed_elsewhere: int  # how many were resumed under another fingerprint


@dataclass(frozen=True)
class Summary:
    """Everything, in the order of the report. Without a study there is a section for each dataset and ablation."""

    runs: int
    sections: tuple[Section, ...]
    architectures: tuple[Architecture, ...]
    pairs: tuple[Pair, ...]  # the architectures with the best one first, each on every dataset
    groups: tuple[Group, ...]
    ablations: tuple[Ablation, ...]
    datasets: tuple[Dataset, ...]
    unplaced: tuple[RunSummary, ...]  # runs without a readable spec
    damage: tuple[Damage, ...]
    provenance: Provenance
    command: str = ""  # trains what is missing of a study
    introduction: str = ""  # what the author of a study says, in Markdown
    conclusion: str = ""

    @property
    def written(self) -> list[str]:
        """What the author of a study wrote: the introduction and the conclusion."""
        texts = (
            ("the introduction", self.introduction),
            ("the text below the questions", any(section.text for section in self.sections)),
            ("the conclusion", self.conclusion),
        )
        return [name for name, text in texts if text]

    @property
    def begun(self) -> tuple[Pair, ...]:
        """The pairs of architectures and datasets of which something was run."""
        architectures = {pair.architecture for pair in self.pairs if pair.group}
        datasets = {pair.dataset for pair in self.pairs if pair.group}
        return tuple(each for each in self.pairs if each.architecture in architectures and each.dataset in datasets)

    def is_overview(self, comparison: Comparison) -> bool:
        """Whether these are the groups that represent the architectures on a dataset."""
        foremost = {pair.group.id for pair in self.pairs if pair.group and pair.dataset == comparison.dataset}
        return {group.id for _, group in comparison.groups} == foremost
