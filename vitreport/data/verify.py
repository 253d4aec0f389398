"""What `datasets verify` checks: that the images are all there, unchanged, and not in both splits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitreport.data.cache import SPLITS, ImageArrays, fingerprint
from vitreport.data.catalogue import DATASETS
from vitreport.data.class_sizes import class_warning
from vitreport.data.pixels import image_digests
from vitreport.data.sources import describe, locate, open_dataset
from vitreport.text import counted, listed

MANY = 0.01  # of the training images


@dataclass(frozen=True)
class Check:
    """What was looked at; `is_notable` is what is no fault and still to be known."""

    name: str
    ok: bool
    detail: str
    is_notable: bool = False


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
    name, home = locate(dataset, data_dir)
    arrays = open_dataset(
        name,
        image_size=describe(dataset, data_dir, image_size).image_size,
        data_dir=home,
        cache_dir=cache_dir,
        notify=notify,
        progress=progress,
        check_bytes=False,
    )
    return [
        *(_counts(name, arrays, split) for split in SPLITS),
        _class_sizes(arrays),
        _image_size(name, arrays),
        _fingerprint(arrays),
        _canonical(name, arrays),
        *_duplicates(name, arrays),
    ]


def _counts(name: str, arrays: ImageArrays, split: str) -> Check:
    """As many images as were published, and some of every class; a folder of one's own has no published count."""
    by_class = np.bincount(arrays.splits[split].labels, minlength=len(arrays.classes))
    found = int(by_class.sum())
    source = DATASETS.get(name)
    expected = {"train": source.train_count, "test": source.test_count}[split] if source else found
    fewest, most = int(by_class.min()), int(by_class.max())
    each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    detail = f"{found:,} images, {each} in each of {len(by_class):,} classes"
    wanted = f"; {expected:,} were published" if found != expected else ""
    return Check(f"{split} images", found == expected and bool(by_class.all()), detail + wanted)


def _class_sizes(arrays: ImageArrays) -> Check:
    """For information: a small class cannot be learned well, and its accuracy cannot be measured well."""
    counts = {
        split: np.bincount(arrays.splits[split].labels, minlength=len(arrays.classes)).tolist() for split in SPLITS
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
    train, test = (image_digests(arrays.splits[split].images) for split in SPLITS)
    classes = _classes_by_digest(train, arrays)
    shared = [
        (digest, arrays.classes[label])
        for digest, label in zip(test, arrays.splits["test"].labels, strict=True)
        if digest in classes
    ]
    repeated = len(train) - len(classes)
    unlike = [(here, sorted(classes[digest])) for digest, here in shared if classes[digest] != {here}]
    ambiguous = [sorted(names) for names in classes.values() if len(names) > 1]
    moved = [f"{here} in test is {' and '.join(there)} in train" for here, there in unlike]
    overlap = _overlap(len(shared), known) + _unlike(moved)
    return [
        Check("train/test overlap", arrays.canonical or len(shared) <= known, overlap),
        Check(
            "training duplicates",
            True,
            f"{repeated} training images repeat another one" + _unlike([" and ".join(names) for names in ambiguous]),
            is_notable=bool(ambiguous) or repeated > MANY * len(train),
        ),
    ]


def _classes_by_digest(digests: Sequence[bytes], arrays: ImageArrays) -> dict[bytes, set[str]]:
    """The classes that each training image is under."""
    found: dict[bytes, set[str]] = {}
    for digest, label in zip(digests, arrays.splits["train"].labels, strict=True):
        found.setdefault(digest, set()).add(arrays.classes[label])
    return found


def _unlike(images: Sequence[str]) -> str:
    """How many equal images have different labels, with the classes of the first ones."""
    if not images:
        return ""
    return f"; the labels of {counted(len(images), 'image')} differ: {listed(list(dict.fromkeys(images)))}"


def _overlap(shared: int, known: int) -> str:
    published = f" ({known} as published)" if known else ""
    return f"{shared} test images are also training images{published}"
