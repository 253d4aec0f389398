"""Runs that differ by seed alone become one result."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from vitreport.analysis.commands import command_of
from vitreport.analysis.observed import Observed
from vitreport.analysis.summary import Cost, Group, RunSummary, State
from vitreport.data.catalogue import DATASETS
from vitreport.data.class_sizes import shares_apart
from vitreport.formatting import Estimate
from vitreport.intervals import NOT_NEGATIVE, SHARE, Range, gap, over_seeds, share
from vitreport.records.measurement import Measurement
from vitreport.records.run import Cost as CostRecord
from vitreport.records.run import RunRecord
from vitreport.run_id import RunId
from vitreport.spec.compose import flat
from vitreport.spec.run import RunSpec

ORDER: tuple[State, ...] = ("done", "diverged", "failed", "unfinished", "damaged", "no record")


@dataclass(frozen=True)
class Member:
    """The newest attempt at one seed of a group."""

    spec: RunSpec
    seen: Observed


def group_runs(
    runs: Iterable[Observed], names: Mapping[tuple[str, str], str], best_over_epochs: Collection[str] = ()
) -> list[Group]:
    """Runs of one spec on the same images, by id; `names` tells the data set of (name, fingerprint).

    Of the specs in `best_over_epochs`, as ids of groups, the best test accuracy of all epochs is to be told.
    """
    groups: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for run in runs:
        if run.spec:
            groups[RunId.parse(run.id).group, _dataset(run, run.spec, names)].append(Member(run.spec, run))
    many = Counter(group_id for group_id, _ in groups)
    return [
        _group(
            group_id if many[group_id] == 1 else f"{group_id}-{dataset}",
            dataset,
            _newest(members),
            has_best_test=group_id in best_over_epochs,
        )
        for (group_id, dataset), members in sorted(groups.items())
    ]


def _dataset(run: Observed, spec: RunSpec, names: Mapping[tuple[str, str], str]) -> str:
    """A run without a record has seen no images: it stands with the others of its data set."""
    name = spec.data.dataset
    fallback = next((known for (each, _), known in names.items() if each == name), name)
    return names.get((name, run.record.data.fingerprint), fallback) if run.record else fallback


def _newest(members: Iterable[Member]) -> list[Member]:
    """The newest attempt at each seed, in the order of seeds, as `store.groups` has it."""
    by_seed: dict[int, Member] = {}
    for member in sorted(members, key=lambda each: RunId.parse(each.seen.id).attempt):
        by_seed[member.spec.seed] = member
    return [by_seed[seed] for seed in sorted(by_seed)]


def _group(group_id: str, dataset: str, members: Sequence[Member], *, has_best_test: bool) -> Group:
    spec = members[0].spec
    done = [member.seen for member in members if member.seen.state == "done"]
    fields = {path: value for path, value in flat(spec.model_dump(mode="json")).items() if path != "seed"}
    return Group(
        id=group_id,
        architecture=spec.model.label,
        dataset=dataset,
        label="",
        state=min((member.seen.state for member in members), key=ORDER.index),
        fields=fields,
        runs=tuple(map(_run, members)),
        command=command_of(spec, [member.spec.seed for member in members]),
        train=share(_counts(done, "train")),
        validation=share(_counts(done, "val")),
        test=share(_counts(done, "test")),
        test_loss=over_seeds([each.loss for each in _split(done, "test")], NOT_NEGATIVE),
        best_test=_over(done, lambda run: run.best_test, SHARE) if has_best_test else None,
        gap=_gap(done),
        converged=_over(done, lambda run: run.converged, Range(1, spec.train.epochs)),
        test_converged=_over(done, lambda run: run.test_converged, Range(1, spec.train.epochs)),
        shares_apart=_shares_apart(spec, done),
        cost=_cost([member.seen for member in members]),
    )


def _run(member: Member) -> RunSummary:
    seen = member.seen
    test = seen.splits.get("test")
    return RunSummary(
        id=seen.id,
        seed=member.spec.seed,
        state=seen.state,
        epoch=seen.epoch,
        epochs=member.spec.train.epochs,
        accuracies={name: split.accuracy for name, split in seen.splits.items()},
        test_images=test.count if test else None,
        last_seen=seen.last_seen,
        note=seen.record.error.message if seen.record and seen.record.error else "",
    )


def _split(runs: Iterable[Observed], name: str) -> list[Measurement]:
    return [run.splits[name] for run in runs if name in run.splits]


def _counts(runs: Iterable[Observed], name: str) -> list[tuple[int, int]]:
    return [(each.correct, each.count) for each in _split(runs, name)]


def _over(runs: Iterable[Observed], read: Callable[[Observed], float | None], possible: Range) -> Estimate | None:
    return over_seeds([value for run in runs if (value := read(run)) is not None], possible)


def _gap(runs: Iterable[Observed]) -> Estimate | None:
    both = [run for run in runs if {"train", "test"} <= set(run.splits)]
    return gap(list(zip(_counts(both, "train"), _counts(both, "test"), strict=True)))


def _shares_apart(spec: RunSpec, runs: Iterable[Observed]) -> float | None:
    """The most of any run. The splits of published images, of which older records count no classes, are alike."""
    found = [_apart(spec, run.record) for run in runs if run.record]
    known = [apart for apart in found if apart is not None]
    return None if len(known) < len(found) else max(known, default=0.0)


def _apart(spec: RunSpec, record: RunRecord) -> float | None:
    if record.data.class_counts:
        return shares_apart(record.data.class_counts)
    return 0.0 if spec.data.dataset in DATASETS and record.data.canonical else None


def _cost(runs: Sequence[Observed]) -> Cost | None:
    """Parameters and FLOPs of the newest record; times of finished runs on the device that most of them used."""
    records = [(run, run.record) for run in runs if run.record]
    if not records:
        return None
    timed = [(run, record) for run, record in records if run.state == "done"] or records
    device = Counter(record.device for _, record in timed).most_common(1)[0][0]
    same = [(run, record) for run, record in timed if record.device == device]
    stated: CostRecord = records[-1][1].cost
    return Cost(
        parameters=stated.parameters,
        forward_flops=stated.forward_flops_per_image,
        training_flops=stated.training_flops_per_image,
        images_per_second=_median(run.images_per_second for run, _ in same),
        seconds=_median(record.seconds for run, record in same if run.state == "done"),
        peak_memory_bytes=_largest(run.peak_memory_bytes for run, _ in same),
        device=device,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
