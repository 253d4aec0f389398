"""What an analysis keeps of runs, and which images they saw: one dataset for each name and fingerprint."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from vitreport.analysis.class_scores import class_scores
from vitreport.analysis.curves import Points, points_of
from vitreport.data.notices import class_warning, unequal_classes
from vitreport.data.registry import DATASETS, dataset_title, is_altered
from vitreport.formatting import Estimate
from vitreport.intervals import Sample, wilson_estimate
from vitreport.records.measurement import SPLITS, CorrectImages, Measurement
from vitreport.records.reader import Damage, Run
from vitreport.records.run import DataRecord, RunRecord
from vitreport.spec.data import DataSpec
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import RecordedState, recorded_state

State = RecordedState | Literal["not run"]
CONVERGED = 0.95
MIN_FALL = 0.05  # a loss that decreases by a smaller share of its first value has not converged
DIGITS = 8


@dataclass(frozen=True)
class RunSummary:
    """One training of one spec with one seed; without test details, so that ten thousand fit into memory."""

    id: str
    state: State  # what the record says, whether a process is training it or not
    spec: RunSpec | None
    record: RunRecord | None
    seed: int | None
    epochs: int | None  # how many epochs are planned
    epoch: int  # the best epoch; without a result the last one
    splits: Mapping[str, Measurement]  # measured with the weights of the best epoch; empty without a result
    accuracies: Mapping[str, float]  # those of the best epoch by split, if the spec can be read
    validation: float | None  # the accuracy of the best epoch; without a result the highest so far
    best_test: float | None  # the highest accuracy of a whole test curve
    converged: int | None  # the epoch by which the training loss made 95% of its total decrease
    test_converged: int | None  # the same of the increase of the test accuracy
    points: Mapping[str, Points]  # of its curves, by split
    images_per_second: float | None
    peak_memory_bytes: int | None
    answers: CorrectImages | None
    balanced_accuracy: float | None  # of the test split
    macro_f1: float | None
    unequal_classes: str  # names the largest and the smallest class of the test split if they are unequal
    note: str  # the error that ended it
    damage: tuple[Damage, ...]


@dataclass(frozen=True)
class Dataset:
    """The images that runs saw."""

    id: str  # the name, with digits of the fingerprint where one name means several datasets
    name: str
    title: str
    reference: str
    fingerprint: str
    canonical: bool
    source: str
    classes: tuple[str, ...]
    image_sizes: tuple[int, ...]
    counts: Mapping[str, int]  # the most that any run saw: some hold images out, or are limited to fewer
    overlap: int  # how many test images are training images, too
    class_sizes: str = ""  # names very small and very unequal classes

    @property
    def is_altered(self) -> bool:
        """Whether these are not the images that were published under this name."""
        return is_altered(self.name, canonical=self.canonical)


def summarize_run(run: Run) -> RunSummary:
    """Keep what an analysis needs of a run."""
    result, epochs, planned = run.result, run.epochs, run.spec.train.epochs if run.spec else 0
    splits = result.selected.splits if result else {}
    curves = {name: [epoch.splits[name] for epoch in epochs if name in epoch.splits] for name in SPLITS}
    train, tests = (curves[name] if len(curves[name]) == planned else [] for name in ("train", "test"))
    accuracies = {name: split.accuracy for name, split in splits.items()}
    scores = class_scores(result.test) if result else None
    classes, sizes = run.record.data.classes if run.record else (), result.test.per_class_count if result else ()
    validations = [accuracies.get("val")] if result else [measured.accuracy for measured in curves["val"]]
    return RunSummary(
        id=run.id,
        state=recorded_state(run),
        spec=run.spec,
        record=run.record,
        seed=run.spec.seed if run.spec else None,
        epochs=planned or None,
        epoch=result.selected.epoch if result else epochs[-1].epoch if epochs else 0,
        splits=splits,
        accuracies=accuracies if run.spec else {},
        validation=max((accuracy for accuracy in validations if accuracy is not None), default=None),
        best_test=max((measured.accuracy for measured in tests), default=None),
        converged=_epoch_reached([-measured.loss for measured in train], MIN_FALL),
        test_converged=_epoch_reached([measured.accuracy for measured in tests]),
        points=points_of(epochs, planned),
        images_per_second=median_of(epoch.images_per_second for epoch in epochs),
        peak_memory_bytes=max((epoch.peak_memory_bytes for epoch in epochs), default=None),
        answers=run.answers,
        balanced_accuracy=scores.balanced_accuracy if scores else None,
        macro_f1=scores.macro_f1 if scores else None,
        unequal_classes=unequal_classes(classes, sizes) if len(classes) == len(sizes) else "",
        note=run.record.error.message if run.record and run.record.error else "",
        damage=tuple(replace(each, place=f"{run.id}/{each.place}") for each in run.damage),
    )


def dataset_ids(runs: Iterable[RunSummary]) -> dict[tuple[str, str], str]:
    """Return the id of the dataset of each name and fingerprint, the most used first."""
    uses = Counter((run.spec.data.dataset, run.record.data.fingerprint) for run in runs if run.spec and run.record)
    several = Counter(name for name, _ in uses)
    return {
        (name, fingerprint): name if several[name] == 1 else f"{name} ({fingerprint[:DIGITS]})"
        for name, fingerprint in sorted(uses, key=lambda key: (-uses[key], key))
    }


def datasets_of(runs: Sequence[RunSummary]) -> list[Dataset]:
    """Return the datasets that runs saw; known ones come first, in the order of DATASETS."""
    ids, seen = dataset_ids(runs), defaultdict[str, list[tuple[DataRecord, DataSpec]]](list)
    for run in runs:
        if run.spec and run.record:
            seen[ids[run.spec.data.dataset, run.record.data.fingerprint]].append((run.record.data, run.spec.data))
    datasets = [_dataset(dataset_id, records) for dataset_id, records in seen.items()]
    return sorted(datasets, key=lambda each: ([*DATASETS, each.name].index(each.name), each.id))


def sample_of(runs: Iterable[RunSummary]) -> Sample:
    """Return the test accuracies of finished runs, with their answers per image if those of all seeds are known."""
    tested = [run for run in runs if run.state == "done"]
    answers = [run.answers for run in tested if run.answers]
    images = {(each.fingerprint, each.count) for each in answers}
    if len(answers) == len(tested) > 1 and len(images) == 1:
        ((fingerprint, count),) = images
        return Sample.from_bits([each.correct for each in answers], count, fingerprint)
    return Sample(tuple(run.splits["test"].accuracy for run in tested))


def median_of(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are known, None if there are none."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def measured_accuracy(measured: Measurement) -> Estimate:
    """Return the accuracy of one run on a split, with Wilson's interval over its images."""
    return wilson_estimate(measured.correct, measured.count)


def _dataset(dataset_id: str, records: list[tuple[DataRecord, DataSpec]]) -> Dataset:
    record, spec = min(records, key=lambda each: (each[0].source, each[0].split_hash))
    counts = {split: [each.counts[split] for each, _ in records if split in each.counts] for split in SPLITS}
    counted = [(each.class_counts, own) for each, own in records if each.class_counts]
    most, largest = max(counted, key=lambda each: sum(each[0]["train"]), default=({}, spec))
    return Dataset(
        id=dataset_id,
        name=spec.dataset,
        title=dataset_title(dataset_id),
        reference=DATASETS[spec.dataset].citation if spec.dataset in DATASETS else "",
        fingerprint=record.fingerprint,
        canonical=all(each.canonical for each, _ in records),
        source=", ".join(sorted({each.source for each, _ in records})),
        classes=record.classes,
        image_sizes=tuple(sorted({each.image_size for _, each in records})),
        counts={split: max(seen) for split, seen in counts.items() if seen},
        overlap=max(each.overlap or 0 for each, _ in records),
        class_sizes=class_warning(record.classes, most, limited=largest.limit is not None),
    )


def _epoch_reached(curve: Sequence[float], least: float = 0.0) -> int | None:
    """Return the first epoch by which a curve made 95% of its increase; None if that is a share `least` or less."""
    if len(curve) < 2 or max(curve) - curve[0] <= least * abs(curve[0]):
        return None
    enough = CONVERGED * (max(curve) - curve[0])
    return next(epoch for epoch, value in enumerate(curve, start=1) if value - curve[0] >= enough)
