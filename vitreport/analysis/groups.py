"""Runs become groups: the runs of one spec on the same images, which differ by seed only, are one result."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from statistics import median

from vitreport.analysis.commands import spec_words, training_command
from vitreport.analysis.datasets import dataset_ids
from vitreport.analysis.observed import Observed, observe
from vitreport.analysis.summary import Cost, Group, State
from vitreport.data.notices import shares_apart
from vitreport.data.registry import DATASETS
from vitreport.formatting import Estimate
from vitreport.intervals import NOT_NEGATIVE, SHARE, Range, gap, over_seeds, share
from vitreport.records.reader import Run
from vitreport.records.run import RunRecord
from vitreport.run_id import RunId, newest_attempts
from vitreport.spec.compose import flat
from vitreport.spec.run import RunSpec

ORDER: tuple[State, ...] = ("done", "diverged", "failed", "unfinished", "damaged", "no record")


def groups_of(runs: Iterable[Run]) -> list[Group]:
    """Group runs that have a spec."""
    return group_runs([observe(run) for run in runs])


def group_runs(runs: Sequence[Observed], best_over_epochs: Collection[str] = ()) -> list[Group]:
    """Group runs of one spec on the same images, in the order of their ids; of each seed the newest attempt counts.

    Args:
        runs: Those without a spec are left out.
        best_over_epochs: The ids of the groups that get `best_test`.
    """
    names = dataset_ids(runs)
    members: dict[tuple[str, str], dict[str, Observed]] = defaultdict(dict)
    for run in runs:
        if run.spec:
            name = (
                run.spec.data.dataset
            )  # a run without a record has seen no images and joins the most used of the name
            dataset = next((known for (each, _), known in names.items() if each == name), name)
            if run.record:
                dataset = names.get((name, run.record.data.fingerprint), dataset)
            members[RunId.parse(run.id).group, dataset][run.id] = run
    many = Counter(group_id for group_id, _ in members)
    return [
        _group(
            group_id if many[group_id] == 1 else f"{group_id}-{dataset}",
            dataset,
            [of_group[run_id] for run_id in newest_attempts(of_group)],
            has_best_test=group_id in best_over_epochs,
        )
        for (group_id, dataset), of_group in sorted(members.items())
    ]


def _group(group_id: str, dataset: str, members: Sequence[Observed], *, has_best_test: bool) -> Group:
    spec = members[0].spec
    assert spec
    done = [run for run in members if run.summary.state == "done"]
    epochs = Range(1, spec.train.epochs)
    randomness = {run.summary.seed: run.record.randomness for run in members if run.record and run.spec}
    seeds = [run.summary.seed for run in members if run.summary.seed is not None]
    return Group(
        id=group_id,
        architecture=spec.model.label,
        dataset=dataset,
        label="",
        state=min((run.summary.state for run in members), key=ORDER.index),
        fields={path: value for path, value in flat(spec.model_dump(mode="json")).items() if path != "seed"},
        runs=tuple(run.summary for run in members),
        command=training_command(spec_words(spec, members[0].id), spec.data.dataset, seeds),
        train=_accuracy(done, "train"),
        validation=_accuracy(done, "val"),
        test=_accuracy(done, "test"),
        test_loss=_over(done, lambda run: run.splits["test"].loss if "test" in run.splits else None, NOT_NEGATIVE),
        best_test=_over(done, lambda run: run.best_test, SHARE) if has_best_test else None,
        gap=gap(
            [(_counts(run, "train"), _counts(run, "test")) for run in done if {"train", "test"} <= set(run.splits)]
        ),
        converged=_over(done, lambda run: run.converged, epochs),
        test_converged=_over(done, lambda run: run.test_converged, epochs),
        shares_apart=_shares_apart(spec, [run.record for run in done if run.record]),
        cost=_cost(members),
        mixed_randomness=_mixed(randomness) if len({*randomness.values()}) > 1 else "",
    )


def _counts(run: Observed, split: str) -> tuple[int, int]:
    return run.splits[split].correct, run.splits[split].count


def _accuracy(runs: Iterable[Observed], split: str) -> Estimate | None:
    return share([_counts(run, split) for run in runs if split in run.splits])


def _over(runs: Iterable[Observed], read: Callable[[Observed], float | None], possible: Range) -> Estimate | None:
    return over_seeds([value for run in runs if (value := read(run)) is not None], possible)


def _shares_apart(spec: RunSpec, records: Sequence[RunRecord]) -> float | None:
    """Return the largest of any run. Older records of published images count no classes: their splits are alike."""
    is_published = spec.data.dataset in DATASETS
    known = [
        shares_apart(record.data.class_counts) if record.data.class_counts else 0.0
        for record in records
        if record.data.class_counts or (is_published and record.data.canonical)
    ]
    return None if len(known) < len(records) else max(known, default=0.0)


def _cost(runs: Sequence[Observed]) -> Cost | None:
    """Parameters and FLOPs of the newest record; times of finished runs on the device that most of them used."""
    records = [(run, run.record) for run in runs if run.record]
    if not records:
        return None
    timed = [(run, record) for run, record in records if run.summary.state == "done"] or records
    device = Counter(record.device for _, record in timed).most_common(1)[0][0]
    same = [(run, record) for run, record in timed if record.device == device]
    speeds = [run.images_per_second for run, _ in same if run.images_per_second is not None]
    seconds = [record.seconds for run, record in same if run.summary.state == "done"]
    memory = [run.peak_memory_bytes for run, _ in same if run.peak_memory_bytes is not None]
    stated = records[-1][1].cost
    return Cost(
        parameters=stated.parameters,
        forward_flops=stated.forward_flops_per_image,
        training_flops=stated.training_flops_per_image,
        images_per_second=median(speeds) if speeds else None,
        seconds=median(seconds) if seconds else None,
        peak_memory_bytes=max(memory, default=None),
        device=device,
    )


def _mixed(versions: Mapping[int | None, str]) -> str:
    """Write randomness versions 1 (seeds 0, 1) and 2 (seed 2)."""
    seeds: dict[str, list[str]] = defaultdict(list)
    for seed, version in versions.items():
        seeds[version].append(str(seed))
    words = [f"{version} (seed{'s' * (len(of) > 1)} {', '.join(of)})" for version, of in sorted(seeds.items())]
    return f"randomness versions {' and '.join(words)}"
