"""What `datasets verify` checks: that the images are all there, unchanged, and not in both splits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreport.data.archive import shown
from vitreport.data.cache import ImageArrays, Places
from vitreport.data.catalogue import DATASETS
from vitreport.data.class_sizes import class_warning
from vitreport.data.pixels import image_digests
from vitreport.data.remarks import reading_remarks
from vitreport.data.sources import describe, locate, open_dataset
from vitreport.data.splits import SPLIT_ORDER, fingerprint
from vitreport.formatting import counted, listed
from vitreport.spec.data import SMALLEST_SIDE

if TYPE_CHECKING:
    from vitreport.data.decode import Fault

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
    data_dir: Path,
    cache_dir: Path,
    *,
    image_size: int | None = None,
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[str, int, int | None], None] = lambda label, done, total: None,
) -> list[Check]:
    """Check a data set, given by name or path; it is decoded first if it was not yet.

    Damage in the cache is told, not mended. Raises SpecError or DatasetError where it cannot even be opened.
    """
    from vitreport.data.decode import UndecodableError

    name, home = locate(dataset, data_dir)
    places = Places(home, cache_dir, notify, progress)
    try:
        arrays = _opened(name, describe(dataset, data_dir, image_size).image_size, places)
    except UndecodableError as error:
        return [_damaged(name, error.faults if error.total else _all_faults(name, places) or error.faults)]
    return [
        *(_counts(name, arrays, split) for split in SPLIT_ORDER if split in arrays.splits),
        _class_sizes(arrays),
        _image_size(name, arrays),
        _fingerprint(arrays),
        _canonical(name, arrays),
        *_duplicates(name, arrays),
        *(Check("reading", True, line.removeprefix("warning: "), is_notable=True) for line in reading_remarks(arrays)),
    ]


def _opened(name: str, image_size: int, places: Places) -> ImageArrays:
    return open_dataset(
        name,
        image_size=image_size,
        data_dir=places.data_dir,
        cache_dir=places.cache_dir,
        notify=places.notify,
        progress=places.progress,
        check_bytes=False,
    )


def _all_faults(name: str, places: Places) -> "list[Fault]":
    """The faults of all images, where the first one already cannot be read to set the size."""
    from vitreport.data.decode import UndecodableError

    try:
        _opened(name, SMALLEST_SIDE, places)
    except UndecodableError as error:
        return error.faults
    return []


def _damaged(name: str, faults: "Sequence[Fault]") -> Check:
    items = tuple(f"{shown(path)} ({reason})" for path, reason in faults)
    return Check(
        "images decode", False, f"{counted(len(items), 'image')} cannot be decoded: {listed(items, 3)}", items=items
    )


def _counts(name: str, arrays: ImageArrays, split: str) -> Check:
    """As many images as were published, and some of every class; a folder of one's own has no published count."""
    by_class = np.bincount(arrays.splits[split].labels, minlength=len(arrays.classes))
    found = int(by_class.sum())
    source = DATASETS.get(name)
    expected = {"train": source.train_count, "test": source.test_count}.get(split, found) if source else found
    fewest, most = int(by_class.min()), int(by_class.max())
    each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    detail = f"{found:,} images, {each} in each of {len(by_class):,} classes"
    wanted = f"; {expected:,} were published" if found != expected else ""
    return Check(f"{split} images", found == expected and bool(by_class.all()), detail + wanted)


def _class_sizes(arrays: ImageArrays) -> Check:
    """For information: a small class cannot be learned well, and its accuracy cannot be measured well."""
    counts = {
        split: np.bincount(arrays.splits[split].labels, minlength=len(arrays.classes)).tolist()
        for split in ("train", "test")
    }
    told = class_warning(arrays.classes, counts)
    return Check("class sizes", True, told or "no class is very small", is_notable=bool(told))


def _image_size(name: str, arrays: ImageArrays) -> Check:
    """Published images have their published size; those of a folder of one's own may be resized."""
    size = arrays.splits["train"].images.shape[-1]
    resized = f"; {arrays.resized} images had another size" if arrays.resized else ""
    return Check("image size", name not in DATASETS or not arrays.resized, f"{size} x {size}{resized}")


def _fingerprint(arrays: ImageArrays) -> Check:
    found = fingerprint(arrays.classes, arrays.splits)
    if found == arrays.fingerprint:
        return Check("fingerprint", True, found)
    return Check("fingerprint", False, f"{found} now, {arrays.fingerprint} when it was decoded")


def _canonical(name: str, arrays: ImageArrays) -> Check:
    """For information: re-encoded images are a data set too, and every report says which bytes it saw."""
    if name not in DATASETS:
        words = "there are no published bytes to compare with"
    else:
        words = "the published bytes" if arrays.canonical else "not known to be the published bytes"
    return Check("canonical", True, f"{arrays.source}: {words}")


def _duplicates(name: str, arrays: ImageArrays) -> list[Check]:
    """Equal pixels, and whether their classes differ. What was published so is no problem: everybody measures on it."""
    known = DATASETS[name].known_overlap if name in DATASETS else 0
    digests = {split: image_digests(found.images) for split, found in arrays.splits.items()}
    pairs = [(first, second) for first, second in PAIRS if {first, second} <= set(digests)]
    classes = _classes_by_digest(digests, arrays, "train")
    repeated = len(digests["train"]) - len(classes)
    ambiguous = [sorted(names) for names in classes.values() if len(names) > 1]
    return [
        *(_shared(first, second, digests, arrays, known) for first, second in pairs),
        Check(
            "training duplicates",
            True,
            f"{repeated} training images repeat another one" + _unlike([" and ".join(names) for names in ambiguous]),
            is_notable=bool(ambiguous) or repeated > MANY * len(digests["train"]),
        ),
    ]


def _shared(first: str, second: str, digests: Mapping[str, Sequence[bytes]], arrays: ImageArrays, known: int) -> Check:
    """Images of the second split that are in the first one too."""
    classes = _classes_by_digest(digests, arrays, first)
    shared = [
        (digest, arrays.classes[label])
        for digest, label in zip(digests[second], arrays.splits[second].labels, strict=True)
        if digest in classes
    ]
    unlike = [(here, sorted(classes[digest])) for digest, here in shared if classes[digest] != {here}]
    moved = [f"{here} in {second} is {' and '.join(there)} in {first}" for here, there in unlike]
    published = f" ({known} as published)" if known else ""
    detail = f"{len(shared)} {WORDS[second]} images are also {WORDS[first]} images{published}"
    return Check(f"{first}/{second} overlap", arrays.canonical or len(shared) <= known, detail + _unlike(moved))


def _classes_by_digest(
    digests: Mapping[str, Sequence[bytes]], arrays: ImageArrays, split: str
) -> dict[bytes, set[str]]:
    """The classes that each image of a split is under."""
    found: dict[bytes, set[str]] = {}
    for digest, label in zip(digests[split], arrays.splits[split].labels, strict=True):
        found.setdefault(digest, set()).add(arrays.classes[label])
    return found


def _unlike(images: Sequence[str]) -> str:
    """How many equal images have different labels, with the classes of the first ones."""
    if not images:
        return ""
    return f"; the labels of {counted(len(images), 'image')} differ: {listed(list(dict.fromkeys(images)))}"
