"""What `datasets verify` checks: that the images are all there, unchanged, and not in two splits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vitreport.data.arrays import ImageArrays, fingerprint
from vitreport.data.decode import UndecodableError
from vitreport.data.notices import IN_WORDS, class_warning, reading_notices
from vitreport.data.registry import DATASETS, ImageRequest, IntensityRange, Notify, Progress
from vitreport.data.sources import describe, locate, open_dataset
from vitreport.formatting import counted, listed
from vitreport.spec.data import SMALLEST_SIDE

MANY = 0.01  # of the training images


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
    """Check a dataset, given by name or path; it is decoded first if it was not yet.

    Damage in the cache is reported, not repaired.

    Raises:
        SpecError: There is no such dataset, or the size of its images cannot be found out.
        DatasetError: It cannot be opened.
    """
    name, home = locate(dataset, data_dirs)
    request = ImageRequest(name, image_size or SMALLEST_SIDE, home, cache_dir, notify, progress, intensity_range)
    try:
        try:
            request = replace(request, image_size=describe(dataset, data_dirs, image_size).image_size)
        except UndecodableError:  # of the first image: try all of them, at any size
            open_dataset(request, check_bytes=False)
            raise
        arrays = open_dataset(request, check_bytes=False)
    except UndecodableError as error:
        items = tuple(map(str, error.faults))
        detail = f"{counted(len(items), 'image')} cannot be decoded: {listed(items, 3)}"
        return [Check("images decode", False, detail, items=items)]
    return _checks(name, arrays)


def _checks(name: str, arrays: ImageArrays) -> list[Check]:
    published, classes, train = DATASETS.get(name), arrays.classes, arrays.splits["train"].labels
    counts = {split: np.bincount(of.labels, minlength=len(classes)).tolist() for split, of in arrays.splits.items()}
    expected = {"train": published.train_count, "test": published.test_count} if published else {}
    small = class_warning(classes, {split: counts[split] for split in ("train", "test")})
    resized = f"; {arrays.resized} images had another size" if arrays.resized else ""
    actual = fingerprint(classes, arrays.splits)
    changed = "" if actual == arrays.fingerprint else f" now, {arrays.fingerprint} when it was decoded"
    origin = "the published bytes" if arrays.canonical else "not known to be the published bytes"
    if not published:  # for information only: re-encoded images are a dataset too
        origin = "there are no published bytes to compare with"
    known = published.known_overlap if published else 0
    copies = f"{arrays.repeated} training images repeat another one"
    return [
        *(_counts(split, by_class, expected.get(split)) for split, by_class in counts.items()),
        Check("class sizes", True, small or "no class is very small", is_notable=bool(small)),
        Check("image size", not published or not resized, f"{arrays.size} x {arrays.size}{resized}"),
        Check("fingerprint", not changed, f"{actual}{changed}"),
        Check("canonical", True, f"{arrays.source}: {origin}"),
        *(_overlap(pair, count, arrays.canonical, known) for pair, count in arrays.overlaps.items()),
        Check("training duplicates", True, copies, is_notable=arrays.repeated > MANY * len(train)),
        *(Check("reading", True, line.removeprefix("warning: "), is_notable=True) for line in reading_notices(arrays)),
    ]


def _counts(split: str, by_class: Sequence[int], published: int | None) -> Check:
    """As many images as were published, and some of every class."""
    total, fewest, most = sum(by_class), min(by_class), max(by_class)
    in_each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    detail = f"{total:,} images, {in_each} in each of {len(by_class):,} classes"
    if published not in (None, total):
        return Check(f"{split} images", False, f"{detail}; {published:,} were published")
    return Check(f"{split} images", fewest > 0, detail)


def _overlap(pair: str, count: int, canonical: bool, known: int) -> Check:
    """Images in two splits. What was published so is no problem: everybody measures on it."""
    former, latter = (IN_WORDS[split] for split in pair.split("/"))
    published = f" ({known} as published)" if known else ""
    return Check(
        f"{pair} overlap", canonical or count <= known, f"{count} {latter} images are also {former} images{published}"
    )
