"""What a report says, as plain data: every number that a page or a figure shows stands here.

Accuracies are fractions of images, losses are in nats. Intervals are 95% intervals throughout.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vitreport.analysis.details import Details
from vitreport.data.registry import is_altered
from vitreport.formatting import Estimate
from vitreport.records.reader import Damage
from vitreport.run_id import RunId
from vitreport.spec.sweep import ValueSpec, shown_level

State = Literal["done", "diverged", "failed", "unfinished", "damaged", "no record", "not run"]


@dataclass(frozen=True)
class Paired:
    """A single run beside that of the group `other` on the same test images: how many each alone has right.

    `p` is that of McNemar's exact test, adjusted by Holm over `comparisons`.
    """

    other: str
    images: int
    alone: int
    other_alone: int
    p: float
    comparisons: int


@dataclass(frozen=True)
class Cost:
    """What a run takes; times are medians over the runs on the device that is named, memory the most of them."""

    parameters: int
    forward_flops: int
    training_flops: int
    images_per_second: float | None
    seconds: float | None
    peak_memory_bytes: int | None
    device: str


@dataclass(frozen=True)
class RunSummary:
    """One run. `accuracies` are those of its selected epoch by split; `last_seen` is (split, accuracy) after the
    last whole epoch of a run without a result."""

    id: str
    seed: int | None
    state: State
    epoch: int
    epochs: int | None
    accuracies: Mapping[str, float] = field(default_factory=dict)
    last_seen: tuple[str, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Runs that differ by seed alone: one result. Of a seed that was trained anew the newest attempt counts.

    `id` is that of its runs without the seed, `dataset` the id of a Dataset. `fields` is the spec by dotted paths,
    without the seed. `train`, `validation` and `test` are accuracies at the selected epoch; `best_test` is the highest
    of the test curve, which only a group has that is compared with a published figure chosen so. `gap` is train minus
    test accuracy. `converged` and `test_converged` are the first epochs by which training loss and test accuracy had
    made 95% of their change. `shares_apart` is the difference between the class shares of the training and the test
    images, None if the records do not say. `label` is its difference from the representative of its pair. `details` is
    None unless shown. `mixed_randomness` says which seeds were drawn by which of several randomness versions.
    """

    id: str
    architecture: str
    dataset: str
    label: str
    state: State
    fields: Mapping[str, Any]
    runs: tuple[RunSummary, ...]
    command: str
    train: Estimate | None = None
    validation: Estimate | None = None
    test: Estimate | None = None
    test_loss: Estimate | None = None
    best_test: Estimate | None = None
    gap: Estimate | None = None
    converged: Estimate | None = None
    test_converged: Estimate | None = None
    shares_apart: float | None = 0.0
    cost: Cost | None = None
    mixed_randomness: str = ""
    details: Details | None = None

    @property
    def spec_id(self) -> str:
        """The id without the data set: the same of one spec on several bytes."""
        return RunId.parse(self.runs[0].id).group

    @property
    def diverged(self) -> int:
        return sum(run.state == "diverged" for run in self.runs)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that ended with a result."""
        return tuple(run.seed for run in self.runs if run.state == "done" and run.seed is not None)


def mixed_randomness(groups: Iterable[Group]) -> tuple[str, ...]:
    """Name the groups whose seeds were drawn by several randomness versions: they are no one result."""
    return tuple(f"{group.id} mixes {group.mixed_randomness}" for group in groups if group.mixed_randomness)


@dataclass(frozen=True)
class Pair:
    """One architecture on one data set. `group` represents it; it is None where nothing was run.

    `chosen` says why this group, of `candidates`. `paired` is with the single run that has the most images right.
    """

    architecture: str
    dataset: str
    group: Group | None
    candidates: int
    chosen: str
    command: str
    paired: Paired | None = None


@dataclass(frozen=True)
class Level:
    """One value of what an ablation varies (of each axis one), and how far it is from the baseline.

    `group` is the id of its group; `missing` counts the planned runs without a result. `paired` is with the baseline.
    """

    values: tuple[ValueSpec, ...]
    state: State
    accuracy: Estimate | None
    difference: Estimate | None
    group: str | None
    command: str
    missing: int = 0
    paired: Paired | None = None

    @property
    def shown(self) -> str:
        """The level in a sentence: 16; of several fields (16, 2)."""
        return shown_level(self.labels)

    @property
    def texts(self) -> tuple[str, ...]:
        """The level in a table, one text an axis."""
        return tuple(shown_level([label]) for label in self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(value.label for value in self.values)

    @property
    def number(self) -> float | None:
        """The value of a single axis over numbers."""
        value = self.values[0].value if len(self.values) == 1 else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Ablation:
    """What was varied, everything else being equal. `baseline` is an index of `levels`, None where it is not there.

    `name` is unique in a summary. `source` is "inferred" where groups were found to differ in one field alone; else
    `design` is the id of the sweep, or of the part of a study. `qualifier` says what it holds constant, or which
    sweep it is, where another of its architecture and data set varies the same. `ends` is the last level less the
    first where one of them is the baseline; any other pair would be one more comparison, chosen after looking.
    """

    name: str
    architecture: str
    dataset: str
    axes: tuple[str, ...]
    levels: tuple[Level, ...]
    baseline: int | None
    source: Literal["sweep", "inferred", "study"]
    ends: Estimate | None = None
    design: str = ""
    qualifier: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a study: what it asks, its runs by name, each as a pair, and its ablations."""

    title: str
    question: str
    runs: tuple[tuple[str, Pair], ...]
    ablations: tuple[Ablation, ...]


@dataclass(frozen=True)
class FieldTable:
    """Fields of specs: what all rows share, and what differs, one row a group."""

    shared: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Architecture:
    """An architecture with its groups, by data set; `pairs` are those that stand for it in the first table."""

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
class Dataset:
    """The bytes that runs saw. `id` is the name, with digits of the fingerprint where one name means several.

    `overlap` counts the test images that are known to be training images too. `class_sizes` names very small and very
    unequal classes.
    """

    id: str
    name: str
    title: str
    reference: str
    fingerprint: str
    canonical: bool
    source: str
    classes: tuple[str, ...]
    image_sizes: tuple[int, ...]
    counts: tuple[tuple[str, int], ...]
    resized: int
    overlap: int
    class_sizes: str = ""

    @property
    def is_altered(self) -> bool:
        """Whether the images are others than those that were published under this name."""
        return is_altered(self.name, canonical=self.canonical)


@dataclass(frozen=True)
class Provenance:
    """Where the runs come from: each value with the number of runs that have it; `resumed_elsewhere` counts those
    that went on under another fingerprint."""

    devices: tuple[tuple[str, int], ...]
    versions: tuple[tuple[str, int], ...]
    commits: tuple[tuple[str, int], ...]
    unknown_commits: int
    resumed: int
    resumed_elsewhere: int


@dataclass(frozen=True)
class Summary:
    """Everything, in the order of the report; `sections` are those of a study."""

    runs: int
    sections: tuple[Section, ...]
    architectures: tuple[Architecture, ...]
    datasets: tuple[Dataset, ...]
    unplaced: tuple[RunSummary, ...]
    damage: tuple[Damage, ...]
    provenance: Provenance

    @property
    def mixed_randomness(self) -> tuple[str, ...]:
        """The groups whose seeds were drawn by several randomness versions, and which."""
        return mixed_randomness(self.groups)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(cell for architecture in self.architectures for cell in architecture.pairs)

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(group for architecture in self.architectures for group in architecture.groups)

    @property
    def has_pairs(self) -> bool:
        """Whether single runs are compared image by image."""
        levels = (level.paired for ablation in self.ablations for level in ablation.levels)
        return any(levels) or any(cell.paired for cell in self.pairs)

    @property
    def ablations(self) -> tuple[Ablation, ...]:
        return tuple(ablation for architecture in self.architectures for ablation in architecture.ablations)
