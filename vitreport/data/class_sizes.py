"""Warn of small and unequal classes, and compare the class shares of two splits. Nothing here loads torch."""

from collections.abc import Iterator, Mapping, Sequence

from vitreport.formatting import counted

FEWEST = 20
"""With 20 test images the 95% interval of a class's accuracy reaches about 20 percentage points to each side."""

MOST_UNEQUAL = 10
"""Largest class over smallest, in training images: beyond it, ignoring the smallest class costs little accuracy."""

Counts = Mapping[str, Sequence[int]]
"""The number of images of each class, by split."""


def class_warning(classes: Sequence[str], counts: Counts, *, limited: bool = False) -> str:
    """Name very small and very unequal classes in one line, with the numbers; "" if there are none.

    If the training images were `limited`, small training classes are the user's choice and not named.
    """
    return "; ".join(_warnings(classes, counts, limited))


def _warnings(classes: Sequence[str], counts: Counts, limited: bool) -> Iterator[str]:
    for split, name in (("train", "training"), ("test", "test")):
        sizes = counts.get(split, ())
        small = sum(size < FEWEST for size in sizes)
        if small and not (limited and split == "train"):
            smallest = min(zip(sizes, classes, strict=True))
            few = f"fewer than {FEWEST} {name} images (the fewest: {smallest[0]:,} of {smallest[1]})"
            yield f"{small:,} of {len(classes):,} classes {'has' if small == 1 else 'have'} {few}"
    if sizes := counts.get("train", ()):
        (fewest, small_name), (most, large_name) = (pick(zip(sizes, classes, strict=True)) for pick in (min, max))
        if most > MOST_UNEQUAL * fewest:
            images = f"{counted(most, 'training image')} of {large_name}, {fewest:,} of {small_name}"
            yield f"the classes are very unequal in size ({images})"


def shares_apart(counts: Counts) -> float:
    """Return the share of training images that would have to change class to match the class shares of the test split.

    It is half of the sum of the absolute differences (total variation distance), from 0 to 1. For this reason alone
    the accuracies of the two splits cannot differ by more.
    """
    train, test = ([size / (sum(counts[split]) or 1) for size in counts[split]] for split in ("train", "test"))
    return sum(abs(one - other) for one, other in zip(train, test, strict=True)) / 2
