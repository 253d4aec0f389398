"""What `datasets verify` checks: that the images are all there, unchanged, and not in two splits."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitreport.data.arrays import ImageArrays
from vitreport.data.decode import UndecodableError
from vitreport.data.notices import IN_WORDS, class_warning
from vitreport.data.registry import DATASETS, ImageRequest, Note, Progress, bytes_in_words
from vitreport.data.sources import describe, locate, open_dataset
from vitreport.spec.data import MIN_SIDE


@dataclass(frozen=True)
class Check:
    """One thing that was checked; `is_notable` is worth knowing though no fault, `items` are what `detail` counts."""

    name: str
    ok: bool
    detail: str
    is_notable: bool = False
    items: tuple[str, ...] = ()


def verify(
    dataset: str, data_dirs: Sequence[Path], cache_dir: Path, image_size: int | None, note: Note, progress: Progress
) -> list[Check]:
    """Check a dataset, given by name or path; it is decoded first if it was not yet.

    Raises SpecError if there is none, or the size of its images cannot be found out, DatasetError if it does not open.
    """
    name, home = locate(dataset, data_dirs)
    size = MIN_SIDE
    with suppress(UndecodableError):  # of the first image: decoding finds all of them
        size = describe(dataset, data_dirs, image_size).image_size
    try:
        request = ImageRequest(name, size, home, cache_dir, note, progress)
        return list(_checks(name, open_dataset(request)))
    except UndecodableError as error:
        return [Check("decoding", False, error.message, items=tuple(error.faults))]


def _checks(name: str, arrays: ImageArrays) -> Iterator[Check]:
    published, classes = DATASETS.get(name), arrays.classes
    expected = {"train": published.train_count, "test": published.test_count} if published else {}
    counts = {
        split: np.bincount(images.labels, minlength=len(classes)).tolist() for split, images in arrays.splits.items()
    }
    for split, by_class in counts.items():
        yield _counted(split, by_class, expected.get(split, sum(by_class)))
    small = class_warning(classes, {split: counts[split] for split in ("train", "test")})
    yield Check("class sizes", True, small or "no class is very small", is_notable=bool(small))
    resized = f"; {arrays.resized} images had another size" if arrays.resized else ""
    height, width = arrays.splits["train"].images.shape[2:]
    yield Check("image size", not published or not resized, f"{height} x {width}{resized}")
    yield Check("fingerprint", True, arrays.fingerprint)
    yield Check("canonical", True, f"{arrays.source}: {bytes_in_words(name, canonical=arrays.canonical)}")
    known = published.known_overlap if published else 0  # no problem: everybody measures on these
    for pair, count in arrays.overlaps.items():
        former, latter = (IN_WORDS[split] for split in pair.split("/"))
        detail = f"{count} {latter} images are also {former} images{f' ({known} as published)' if known else ''}"
        yield Check(f"{pair} overlap", arrays.canonical or count <= known, detail)
    detail = f"{arrays.repeated} training images are duplicates of another one"
    yield Check("training duplicates", True, detail, is_notable=arrays.repeated > 0.01 * sum(counts["train"]))


def _counted(split: str, by_class: Sequence[int], published: int) -> Check:
    """Check that there are as many images as were published, and some of every class."""
    total, fewest, most = sum(by_class), min(by_class), max(by_class)
    in_each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    others = "" if total == published else f"; {published:,} were published"
    detail = f"{total:,} images, {in_each} in each of {len(by_class):,} classes{others}"
    return Check(f"{split} images", total == published and fewest > 0, detail)
