"""Which images the runs saw: one data set for each name and fingerprint."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from vitreport.analysis.observed import Observed
from vitreport.analysis.summary import Dataset
from vitreport.data.notices import class_warning
from vitreport.data.registry import DATASETS, dataset_title
from vitreport.records.measurement import SPLITS
from vitreport.records.run import DataRecord
from vitreport.spec.data import DataSpec

SHOWN_DIGITS = 8


def dataset_ids(runs: Iterable[Observed]) -> dict[tuple[str, str], str]:
    """Return the id of the data set of each (name, fingerprint), the most used first."""
    seen = _records(runs)
    many = Counter(name for name, _ in seen)
    return {
        (name, fingerprint): name if many[name] == 1 else f"{name} ({fingerprint[:SHOWN_DIGITS]})"
        for name, fingerprint in sorted(seen, key=lambda key: (-len(seen[key]), key))
    }


def datasets_of(runs: Sequence[Observed]) -> list[Dataset]:
    """Return the data sets that runs have seen; known ones come first, in the order of DATASETS."""
    ids, known = dataset_ids(runs), list(DATASETS)
    datasets = [_dataset(ids[key], key[0], records) for key, records in _records(runs).items()]
    return sorted(datasets, key=lambda each: (known.index(each.name) if each.name in known else len(known), each.id))


def _records(runs: Iterable[Observed]) -> dict[tuple[str, str], list[tuple[DataRecord, DataSpec]]]:
    seen: dict[tuple[str, str], list[tuple[DataRecord, DataSpec]]] = defaultdict(list)
    for run in runs:
        if run.spec and run.record:
            seen[run.spec.data.dataset, run.record.data.fingerprint].append((run.record.data, run.spec.data))
    return seen


def _dataset(dataset_id: str, name: str, records: list[tuple[DataRecord, DataSpec]]) -> Dataset:
    sources = Counter(record.source for record, _ in records)
    record = min((record for record, _ in records), key=lambda each: (each.source, each.split_hash))
    counts = {split: [each.counts[split] for each, _ in records if split in each.counts] for split in SPLITS}
    return Dataset(
        id=dataset_id,
        name=name,
        title=dataset_title(dataset_id),
        reference=DATASETS[name].citation if name in DATASETS else "",
        fingerprint=record.fingerprint,
        canonical=all(record.canonical for record, _ in records),
        source=", ".join(sorted(sources)),
        classes=record.classes,
        image_sizes=tuple(sorted({spec.image_size for _, spec in records})),
        # the most that any run saw: some hold images out, or are limited to fewer
        counts=tuple((split, max(seen)) for split, seen in counts.items() if seen),
        resized=max(record.resized for record, _ in records),
        overlap=max(record.overlap or 0 for record, _ in records),
        class_sizes=_class_sizes(records),
    )


def _class_sizes(records: Sequence[tuple[DataRecord, DataSpec]]) -> str:
    """What is to be said of the run that saw most images."""
    known = [(record.class_counts, spec) for record, spec in records if record.class_counts]
    if not known:
        return ""
    counts, spec = max(known, key=lambda each: sum(each[0]["train"]))
    return class_warning(records[0][0].classes, counts, limited=spec.limit is not None)
