"""Runs become groups: the runs of one spec on the same images, which differ by seed only, are one result."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vitreport.analysis.class_scores import mean_score
from vitreport.analysis.curves import Curve, Metric, curves_of
from vitreport.analysis.group_details import GroupDetails
from vitreport.analysis.runs import RunSummary, State, dataset_ids, median_of, sample_of
from vitreport.analysis.train_commands import changes_of, flat_fields, model_name, spec_command
from vitreport.data.notices import shares_apart
from vitreport.data.registry import DATASETS
from vitreport.formatting import Estimate
from vitreport.intervals import NOT_NEGATIVE, PROPORTION, Range, gap, mean_accuracy, mean_over_seeds, mean_proportion
from vitreport.records.measurement import SPLITS
from vitreport.records.run import RunRecord
from vitreport.run_id import RunId, newest_attempts
from vitreport.spec.load import preset_for
from vitreport.spec.run import RunSpec

ORDER: tuple[State, ...] = ("done", "diverged", "failed", "unfinished", "damaged", "no record")


@dataclass(frozen=True)
class Cost:
    """What a run takes; times are medians over the runs on the named device, memory is the largest.

    Runs that shared their process do not count: their times and memory include those of the others.
    """

    parameters: int
    forward_flops: int
    training_flops: int
    images_per_second: float | None
    latency_ms: float | None  # of a single image with the weights of the best epoch; None if not recorded
    seconds: float | None
    peak_memory_bytes: int | None
    device: str


@dataclass(frozen=True)
class Group:
    """Runs that differ by seed alone: one result. Only the newest attempt of each seed counts."""

    id: str  # that of its runs without the seed, followed by the dataset where one spec saw several
    architecture: str
    dataset: str  # the `id` of a dataset
    label: str  # how it differs from the group that represents its architecture on its dataset
    state: State
    fields: Mapping[str, Any]  # the values of the spec by their dotted paths, without the seed
    runs: tuple[RunSummary, ...]
    train: Estimate | None = None
    validation: Estimate | None = None
    test: Estimate | None = None
    test_loss: Estimate | None = None
    balanced_accuracy: float | None = None  # of the test split: the mean recall of the classes, a mean over seeds
    macro_f1: float | None = None  # the same of F1; None if not recorded
    unequal_classes: str = ""  # names the largest and the smallest class of the test split if they are unequal
    gap: Estimate | None = None  # the generalization gap: training accuracy minus test accuracy
    converged: Estimate | None = None  # the epoch by which the training loss made 95% of its total decrease
    shares_apart: float | None = 0.0  # how far the class shares of training and test images differ, if recorded
    cost: Cost | None = None
    curves: tuple[Curve, ...] = ()  # of the runs in its state
    details: GroupDetails | None = None  # only of finished groups that represent an architecture on a dataset

    def curve(self, split: str, metric: Metric) -> Curve | None:
        """Return one of its curves."""
        return next((each for each in self.curves if (each.split, each.metric) == (split, metric)), None)

    @property
    def model(self) -> str:
        """Its architecture as a command takes it."""
        return model_name(self._spec)

    @property
    def command(self) -> str:
        """The command that trains its runs."""
        return spec_command(self._spec, self.changed, [run.seed for run in self.runs if run.seed is not None])

    @property
    def is_preset(self) -> bool:
        """Whether it is trained as its preset says."""
        return bool(preset_for(self._spec.model.whole_label, self._spec.data.dataset)) and not self.changed

    @cached_property
    def changed(self) -> Mapping[str, str]:
        """What differs from its preset, or from the defaults, as `--set` takes it, by the paths of the fields."""
        return changes_of(self._spec)

    @property
    def _spec(self) -> RunSpec:
        assert self.runs[0].spec
        return self.runs[0].spec

    @property
    def spec_id(self) -> str:
        """The id without the dataset."""
        return RunId.parse(self.runs[0].id).group

    @property
    def epochs(self) -> int:
        """How many epochs its runs were planned to train."""
        return self._spec.train.epochs

    @property
    def accuracy_or_zero(self) -> float:
        """The test accuracy, 0 without a result."""
        return self.test.value if self.test else 0.0

    @property
    def diverged(self) -> int:
        """How many of its runs diverged."""
        return sum(run.state == "diverged" for run in self.runs)

    @property
    def is_ranked(self) -> bool:
        """Whether it is compared with others: it has results of several seeds, and none diverged."""
        return len(self.seeds) > 1 and not self.diverged

    @property
    def seeds_without_result(self) -> list[str]:
        """How many seeds have no result, by their state: 1 of 3 seeds diverged; for a single run, the state."""
        counts, seeds = Counter(run.state for run in self.runs if run.state != "done"), len(self.runs)
        return [f"{count} of {seeds} seeds {state}" if seeds > 1 else state for state, count in counts.items()]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds with a result."""
        return tuple(run.seed for run in self.runs if run.state == "done" and run.seed is not None)


Named = Sequence[tuple[str, Group]]  # groups that are compared, by the names that they have there


def mixed_randomness(groups: Iterable[Group]) -> list[str]:
    """Name the groups that are not one result because several randomness versions drew their seeds."""
    lines = []
    for group in groups:
        seeds: dict[str, list[str]] = defaultdict(list)
        for run in group.runs:
            if run.record:
                seeds[run.record.randomness].append(str(run.seed))
        words = [f"{version} (seed{'s' * (len(of) > 1)} {', '.join(of)})" for version, of in sorted(seeds.items())]
        if len(words) > 1:
            lines.append(f"{group.id} mixes randomness versions {' and '.join(words)}")
    return lines


def group_runs(runs: Sequence[RunSummary]) -> list[Group]:
    """Group runs of one spec on the same images, in the order of their ids; the newest attempt of each seed counts.

    A run without a record has seen no images and joins the most used ones of the name.
    """
    names = dataset_ids(runs)
    most_used = {name: dataset for (name, _), dataset in reversed(names.items())}
    members: dict[tuple[str, str], dict[str, RunSummary]] = defaultdict(dict)
    for run in runs:
        if run.spec:
            name = run.spec.data.dataset
            seen = names[name, run.record.data.fingerprint] if run.record else most_used.get(name, name)
            members[RunId.parse(run.id).group, seen][run.id] = run
    several = Counter(group_id for group_id, _ in members)
    groups = []
    for (spec_id, dataset), of_spec in sorted(members.items()):
        group_id = spec_id if several[spec_id] == 1 else f"{spec_id}-{dataset}"
        groups.append(_group(group_id, dataset, [of_spec[run_id] for run_id in newest_attempts(of_spec)]))
    return groups


def _group(group_id: str, dataset: str, runs: Sequence[RunSummary]) -> Group:
    spec = runs[0].spec
    assert spec
    done = [run for run in runs if run.state == "done"]
    train, validation, tested = (
        [(run.splits[name].correct, run.splits[name].count) for run in done if name in run.splits] for name in SPLITS
    )
    sample = sample_of(done)
    state = min((run.state for run in runs), key=ORDER.index)
    return Group(
        id=group_id,
        architecture=spec.model.whole_label,
        dataset=dataset,
        label="",
        state=state,
        fields=flat_fields(spec),
        runs=tuple(runs),
        train=mean_over_seeds([correct / count for correct, count in train], PROPORTION),
        validation=mean_proportion(validation),
        test=mean_proportion(tested) if sample.images is None else mean_accuracy(sample),
        test_loss=mean_over_seeds([run.splits["test"].loss for run in done], NOT_NEGATIVE),
        balanced_accuracy=mean_score([run.balanced_accuracy for run in done]),
        macro_f1=mean_score([run.macro_f1 for run in done]),
        unequal_classes=next((run.unequal_classes for run in done), ""),
        gap=gap(list(zip(train, tested, strict=True))) if len(train) == len(tested) else None,
        converged=mean_over_seeds([run.converged for run in done if run.converged], Range(1, spec.train.epochs)),
        shares_apart=_shares_apart(spec, [run.record for run in done if run.record]),
        cost=_cost(runs),
        curves=tuple(curves_of([run.points for run in runs if run.state == state], spec.train.epochs)),
    )


def _shares_apart(spec: RunSpec, records: Sequence[RunRecord]) -> float | None:
    """Return the largest difference of class shares of any run, None if a record does not count the classes.

    Older records of published images do not count them, either: the splits of these have equal shares.
    """
    is_published = spec.data.dataset in DATASETS
    if any(not record.data.class_counts and not (is_published and record.data.canonical) for record in records):
        return None
    counts = [record.data.class_counts for record in records if record.data.class_counts]
    return max(map(shares_apart, counts), default=0.0)


def _cost(runs: Sequence[RunSummary]) -> Cost | None:
    """Return the size on the newest record, and times of finished runs on the device that most of them used."""
    records = [(run, run.record) for run in runs if run.record]
    if not records:
        return None
    timed = [(run, record) for run, record in records if run.state == "done"] or records
    alone = [(run, record) for run, record in timed if record.trials_per_job == 1]
    device = Counter(record.device for _, record in alone or timed).most_common(1)[0][0]
    same = [(run, record) for run, record in alone if record.device == device]
    stated = records[-1][1].cost
    return Cost(
        parameters=stated.parameters,
        forward_flops=stated.forward_flops_per_image,
        training_flops=stated.training_flops_per_image,
        images_per_second=median_of(run.images_per_second for run, _ in same),
        latency_ms=median_of(record.throughput.latency_ms for _, record in same if record.throughput),
        seconds=median_of(record.seconds for run, record in same if run.state == "done"),
        peak_memory_bytes=max((run.peak_memory_bytes for run, _ in same if run.peak_memory_bytes), default=None),
        device=device,
    )
