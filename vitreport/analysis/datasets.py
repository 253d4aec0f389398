"""Which images the runs saw: one dataset for each name and fingerprint."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from vitreport.analysis.runs import RunSummary
from vitreport.data.notices import class_warning
from vitreport.data.registry import DATASETS, dataset_title, is_altered
from vitreport.records.measurement import SPLITS
from vitreport.records.run import DataRecord
from vitreport.spec.data import DataSpec

DIGITS = 8


@dataclass(frozen=True)
class Dataset:
    """The images that runs saw, with class sizes that a reader should know."""

    id: str  # the name, with digits of the fingerprint where one name means several datasets
    name: str
    title: str
    reference: str
    fingerprint: str
    canonical: bool
    source: str
    classes: tuple[str, ...]
    image_sizes: tuple[int, ...]
    counts: tuple[tuple[str, int], ...]  # the most that any run saw: some hold images out, or are limited to fewer
    resized: int
    overlap: int  # how many test images are training images, too
    class_sizes: str = ""  # names very small and very unequal classes

    @property
    def is_altered(self) -> bool:
        """Whether these are not the images that were published under this name."""
        return is_altered(self.name, canonical=self.canonical)


def dataset_ids(runs: Iterable[RunSummary]) -> dict[tuple[str, str], str]:
    """Return the id of the dataset of each name and fingerprint, the most used first."""
    uses = Counter((run.spec.data.dataset, run.record.data.fingerprint) for run in runs if run.spec and run.record)
    several = Counter(name for name, _ in uses)
    return {
        (name, fingerprint): name if several[name] == 1 else f"{name} ({fingerprint[:DIGITS]})"
        for name, fingerprint in sorted(uses, key=lambda key: (-uses[key], key))
    }


def datasets_of(runs: Iterable[RunSummary]) -> list[Dataset]:
    """Return the datasets that runs saw; known ones come first, in the order of DATASETS."""
    runs, seen = list(runs), defaultdict[str, list[tuple[DataRecord, DataSpec]]](list)
    ids, known = dataset_ids(runs), list(DATASETS)
    for run in runs:
        if run.spec and run.record:
            dataset_id = ids[run.spec.data.dataset, run.record.data.fingerprint]
            seen[dataset_id].append((run.record.data, run.spec.data))
    datasets = [_dataset(dataset_id, records) for dataset_id, records in seen.items()]
    return sorted(datasets, key=lambda each: (known.index(each.name) if each.name in known else len(known), each.id))


def _dataset(dataset_id: str, records: list[tuple[DataRecord, DataSpec]]) -> Dataset:
    record, spec = min(records, key=lambda each: (each[0].source, each[0].split_hash))
    counts = {split: [each.counts[split] for each, _ in records if split in each.counts] for split in SPLITS}
    counted = [(each.class_counts, own) for each, own in records if each.class_counts]
    most, own = max(counted, key=lambda each: sum(each[0]["train"]), default=({}, spec))
    name = spec.dataset
    return Dataset(
        id=dataset_id,
        name=name,
        title=dataset_title(dataset_id),
        reference=DATASETS[name].citation if name in DATASETS else "",
        fingerprint=record.fingerprint,
        canonical=all(each.canonical for each, _ in records),
        source=", ".join(sorted({each.source for each, _ in records})),
        classes=record.classes,
        image_sizes=tuple(sorted({each.image_size for _, each in records})),
        counts=tuple((split, max(seen)) for split, seen in counts.items() if seen),
        resized=max(each.resized for each, _ in records),
        overlap=max(each.overlap or 0 for each, _ in records),
        class_sizes=class_warning(record.classes, most, limited=own.limit is not None),
    )
