"""What the user should know about the images of a data set before training on them."""

from collections.abc import Iterator

from vitreport.data.cache import ImageArrays
from vitreport.data.catalogue import DATASETS
from vitreport.data.pixels import Range
from vitreport.formatting import counted

HIGHEST = 65535
SMALL_PART = 1 / 4
"""Of the 16-bit range: images that use less than this become almost black, or all of one grey."""


def remarks(dataset: str, images: ImageArrays) -> list[str]:
    """Return lines about the images, warnings first; none about published images."""
    if images.canonical:
        return []
    return [*_shared(images), *reading_remarks(images), *_resized(dataset, images)]


def reading_remarks(images: ImageArrays) -> list[str]:
    """Return lines about how the image files were read."""
    return [*_dark(images), *_left_or_turned(images)]


def _shared(images: ImageArrays) -> Iterator[str]:
    """Images that are in two splits."""
    kinds = (
        ("test", "test", images.overlap, "training"),
        ("val", "validation", images.validation_overlap, "training"),
        ("test", "test", images.selection_overlap, "validation"),
    )
    for split, name, count, other in kinds:
        if count:
            shared = f"{count} of the {len(images.splits[split].labels)} {name} images are also {other} images"
            yield f"warning: {shared}: the {name} accuracy will be too high"


def _dark(images: ImageArrays) -> Iterator[str]:
    """Images of 10, 12 or 14 bits that are stored with 16."""
    kinds = (
        ("grey", images.seen.grey16, "--set intensity_range=train scales by their range"),
        ("colour", images.seen.colour16, "scale them to 8 bits before training"),
    )
    for name, found, hint in kinds:
        if found and not images.intensity_range and found[1] - found[0] < SMALL_PART * HIGHEST:
            yield f"warning: the 16-bit {name} training images {_used(found)} and have little contrast; hint: {hint}"


def _used(found: Range) -> str:
    low, high = found
    return f"use only values from {low:.0f} to {high:.0f} of 0 to {HIGHEST} ({(high - low) / HIGHEST:.1%} of the range)"


def _resized(dataset: str, images: ImageArrays) -> Iterator[str]:
    if images.seen.sides:
        total, size = sum(len(split.labels) for split in images.splits.values()), images.size
        low, high = images.seen.sides
        sides = f"{low}-pixel" if low == high else f"{low}- to {high}-pixel"
        verb = "reduced" if low > size else "enlarged" if high < size else "resized"
        hint = "" if dataset in DATASETS else "; hint: --set image_size=N chooses another size"
        yield f"{images.resized} of {total} images had another size: {sides} images {verb} to {size} x {size}{hint}"


def _left_or_turned(images: ImageArrays) -> Iterator[str]:
    if images.seen.turned:
        yield f"{counted(images.seen.turned, 'image')} turned upright by the EXIF orientation"
    if images.seen.several:
        yield f"{counted(images.seen.several, 'file')} with several pictures: only the first picture is used"
