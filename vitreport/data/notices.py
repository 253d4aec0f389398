"""What users should know about images before training on them. Nothing here loads numpy or torch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vitreport.data.registry import DATASETS
from vitreport.formatting import counted

if TYPE_CHECKING:
    from vitreport.data.arrays import ImageArrays

MIN_CLASS_IMAGES = 20
"""With 20 test images the 95% interval of a class's accuracy reaches about 20 percentage points to each side."""

MAX_UNEQUAL = 10
"""Largest class over smallest, in training images: beyond it, ignoring the smallest class costs little accuracy."""

UNEQUAL = 1.5
"""Largest class over smallest, in test images. Up to it, at most 10% of the images would have to change class to make
all equal. Classes whose accuracies lie within 10 pp then separate accuracy from balanced accuracy by at most 1 pp."""

MIN_DEVIATION = 0.05
"""Of the training pixels, where white is 1. Images of a 12-bit camera in a 16-bit file have less than 0.03."""

IN_WORDS = {"train": "training", "val": "validation", "test": "test"}
Counts = Mapping[str, Sequence[int]]
"""The number of images of each class, by split."""


def class_warning(classes: Sequence[str], counts: Counts, *, limited: bool = False) -> str:
    """Name very small and very unequal classes in one line, with the numbers; "" if there are none.

    If the training images were `limited`, small training classes are the user's choice and not named.
    """
    parts = []
    for split in ("test",) if limited else ("train", "test"):
        sizes = counts.get(split, ())
        if small := sum(size < MIN_CLASS_IMAGES for size in sizes):
            size, name = min(zip(sizes, classes, strict=True))
            few = f"fewer than {MIN_CLASS_IMAGES} {IN_WORDS[split]} images (the fewest: {size:,} of {name})"
            parts.append(f"{small:,} of {len(classes):,} classes {'has' if small == 1 else 'have'} {few}")
    if images := unequal_classes(classes, counts.get("train", ()), "train", MAX_UNEQUAL):
        parts.append(f"the class sizes are very unequal ({images})")
    return "; ".join(parts)


def unequal_classes(classes: Sequence[str], sizes: Sequence[int], split: str = "test", factor: float = UNEQUAL) -> str:
    """Name the largest and the smallest class that differ by more than a factor: 36 test images of cat, 3 of dog."""
    if not sizes:
        return ""
    fewest, small_name = min(zip(sizes, classes, strict=True))
    most, large_name = max(zip(sizes, classes, strict=True))
    images = f"{counted(most, f'{IN_WORDS[split]} image')} of {large_name}, {fewest:,} of {small_name}"
    return images if most > factor * fewest else ""


def shares_apart(counts: Counts) -> float:
    """Return the share of training images that would have to change class to match the class shares of the test split.

    It is half of the sum of the absolute differences (total variation distance), from 0 to 1. For this reason alone
    the accuracies of the two splits cannot differ by more.
    """
    train, test = ([size / (sum(counts[split]) or 1) for size in counts[split]] for split in ("train", "test"))
    return sum(abs(one - other) for one, other in zip(train, test, strict=True)) / 2


def image_notices(dataset: str, images: "ImageArrays") -> list[str]:
    """Return lines about the images, warnings first; none about published images."""
    if images.canonical:
        return []
    lines = []
    for pair, count in images.overlaps.items():
        if count:
            (_, former), (split, latter) = ((split, IN_WORDS[split]) for split in pair.split("/"))
            shared = f"{count} of the {images.sizes[split]} {latter} images are also {former} images"
            lines.append(f"warning: {shared}: the {latter} accuracy will be too high")
    if max(images.std) < MIN_DEVIATION:
        few = f"little contrast (standard deviation: {max(images.std):.3f}, white is 1)"
        hint = "if the files have 10- or 12-bit values, scale these to 0 to 65535"
        lines.append(f"warning: the training images have {few}; hint: {hint}")
    if images.resized:
        size = images.splits["train"].images.shape[-1]
        hint = "" if dataset in DATASETS else "; hint: --set image_size=N to choose another size"
        total = sum(images.sizes.values())
        lines.append(f"{images.resized} of {total} images are resized to {size} x {size}{hint}")
    return lines
