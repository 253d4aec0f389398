"""What `datasets verify` checks: that the images are all there, unchanged, and not in two splits."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vitreport.data.archive import shown
from vitreport.data.arrays import ImageArrays, fingerprint, image_digests
from vitreport.data.decode import Fault, UndecodableError
from vitreport.data.notices import class_warning, reading_notices
from vitreport.data.registry import DATASETS
from vitreport.data.request import ImageRequest, IntensityRange, Notify, Progress
from vitreport.data.sources import describe, locate, open_dataset
from vitreport.formatting import counted, listed
from vitreport.spec.data import SMALLEST_SIDE

MANY = 0.01  # of the training images
PAIRS = (("train", "test"), ("train", "val"), ("val", "test"))
WORDS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    `is_notable` is what is no fault and still worth knowing; `items` lists all that `detail` only counts.
    """

    name: str
    ok: bool
    detail: str
    is_notable: bool = False
    items: tuple[str, ...] = ()


def verify(
    dataset: str,
    data_dirs: Sequence[Path],
    cache_dir: Path,
    *,
    image_size: int | None = None,
    intensity_range: IntensityRange = "full",
    notify: Notify = lambda line: None,
    progress: Progress = lambda label, done, total: None,
) -> list[Check]:
    """Check a data set, given by name or path; it is decoded first if it was not yet.

    Damage in the cache is reported, not repaired.

    Raises:
        SpecError: There is no such data set, or the size of its images cannot be found out.
        DatasetError: It cannot be opened.
    """
    name, home = locate(dataset, data_dirs)
    request = ImageRequest(name, image_size or SMALLEST_SIDE, home, cache_dir, notify, progress, intensity_range)
    try:
        size = describe(dataset, data_dirs, image_size).image_size
        arrays = open_dataset(replace(request, image_size=size), check_bytes=False)
    except UndecodableError as error:
        items = tuple(f"{shown(fault.path)} ({fault.reason})" for fault in _all_faults(error, request))
        detail = f"{counted(len(items), 'image')} cannot be decoded: {listed(items, 3)}"
        return [Check("images decode", False, detail, items=items)]
    counts = {split: np.bincount(of.labels, minlength=len(arrays.classes)) for split, of in arrays.splits.items()}
    small = class_warning(arrays.classes, {split: counts[split].tolist() for split in ("train", "test")})
    actual = fingerprint(arrays.classes, arrays.splits)
    is_whole = actual == arrays.fingerprint
    resized = f"; {arrays.resized} images had another size" if arrays.resized else ""
    if name not in DATASETS:  # for information only: re-encoded images are a data set too
        origin = "there are no published bytes to compare with"
    else:
        origin = "the published bytes" if arrays.canonical else "not known to be the published bytes"
    return [
        *(_counts(name, split, of_split.tolist()) for split, of_split in counts.items()),
        Check("class sizes", True, small or "no class is very small", is_notable=bool(small)),
        Check("image size", name not in DATASETS or not resized, f"{arrays.size} x {arrays.size}{resized}"),
        Check(
            "fingerprint",
            is_whole,
            actual if is_whole else f"{actual} now, {arrays.fingerprint} when it was decoded",
        ),
        Check("canonical", True, f"{arrays.source}: {origin}"),
        *_duplicates(name, arrays),
        *(Check("reading", True, line.removeprefix("warning: "), is_notable=True) for line in reading_notices(arrays)),
    ]


def _all_faults(found: UndecodableError, request: ImageRequest) -> list[Fault]:
    """The faults of all images, also where only that of the first one was found, which sets the size."""
    try:
        if not found.total:
            open_dataset(request, check_bytes=False)
    except UndecodableError as error:
        return error.faults
    return found.faults


def _counts(name: str, split: str, by_class: Sequence[int]) -> Check:
    """As many images as were published, and some of every class; a folder of one's own has no published count."""
    total, fewest, most = sum(by_class), min(by_class), max(by_class)
    dataset = DATASETS.get(name)
    expected = {"train": dataset.train_count, "test": dataset.test_count}.get(split, total) if dataset else total
    in_each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    wanted = f"; {expected:,} were published" if total != expected else ""
    detail = f"{total:,} images, {in_each} in each of {len(by_class):,} classes{wanted}"
    return Check(f"{split} images", total == expected and fewest > 0, detail)


def _duplicates(name: str, arrays: ImageArrays) -> list[Check]:
    """Equal pixels, and whether their classes differ. What was published so is no problem: everybody measures on it."""
    known = DATASETS[name].known_overlap if name in DATASETS else 0
    classes = {split: _classes_by_digest(arrays, split) for split in arrays.splits}
    checks = []
    for first, second in PAIRS:
        if first not in classes or second not in classes:
            continue
        shared = Counter[str]()
        labels = arrays.splits[second].labels
        for digest, label in zip(image_digests(arrays.splits[second].images), labels, strict=True):
            if digest in classes[first]:
                here, there = arrays.classes[label], sorted(classes[first][digest])
                moved = f"{here} in {second} is {' and '.join(there)} in {first}"
                shared["" if there == [here] else moved] += 1
        total = shared.total()
        unlike = shared.total() - shared.pop("", 0)
        published = f" ({known} as published)" if known else ""
        detail = f"{total} {WORDS[second]} images are also {WORDS[first]} images{published}"
        checks.append(
            Check(f"{first}/{second} overlap", arrays.canonical or total <= known, detail + _unlike(unlike, shared))
        )
    total = len(arrays.splits["train"].labels)
    repeated = total - len(classes["train"])
    ambiguous = Counter(" and ".join(sorted(names)) for names in classes["train"].values() if len(names) > 1)
    detail = f"{repeated} training images repeat another one{_unlike(ambiguous.total(), ambiguous)}"
    is_notable = bool(ambiguous) or repeated > MANY * total
    return [*checks, Check("training duplicates", True, detail, is_notable=is_notable)]


def _classes_by_digest(arrays: ImageArrays, split: str) -> dict[bytes, set[str]]:
    """The classes that each image of a split is under."""
    classes: dict[bytes, set[str]] = {}
    for digest, label in zip(image_digests(arrays.splits[split].images), arrays.splits[split].labels, strict=True):
        classes.setdefault(digest, set()).add(arrays.classes[label])
    return classes


def _unlike(count: int, kinds: Mapping[str, int]) -> str:
    """How many equal images have different labels, with the classes of the first ones."""
    return f"; the labels of {counted(count, 'image')} differ: {listed(list(kinds))}" if count else ""
