"""How many images each class has: what to warn of, and how far two splits are apart. Nothing here loads torch."""

from collections.abc import Iterator, Mapping, Sequence

from vitreport.text import counted

FEWEST = 20
"""With 20 test images the 95% interval of a class's accuracy reaches about 20 percentage points to each side."""

MOST_UNEQUAL = 10
"""So many times the training images of the smallest class: a network that ignores that class loses little accuracy."""

Counts = Mapping[str, Sequence[int]]
"""By split the images of each class."""


def class_warning(classes: Sequence[str], counts: Counts, *, limited: bool = False) -> str:
    """Name very small and very unequal classes in one line, with the numbers; nothing where there are none.

    Where the training images were `limited`, that they are few is the user's own choice.
    """
    return "; ".join(_warnings(classes, counts, limited))


def _warnings(classes: Sequence[str], counts: Counts, limited: bool) -> Iterator[str]:
    for split, name in (("train", "training"), ("test", "test")):
        sizes = counts.get(split, ())
        small = sum(size < FEWEST for size in sizes)
        if small and not (limited and split == "train"):
            smallest = min(zip(sizes, classes, strict=True))
            few = f"fewer than {FEWEST} {name} images (the fewest: {smallest[1]}, {smallest[0]:,})"
            yield f"{small:,} of {len(classes):,} classes {'has' if small == 1 else 'have'} {few}"
    if sizes := counts.get("train", ()):
        (fewest, small_name), (most, large_name) = (pick(zip(sizes, classes, strict=True)) for pick in (min, max))
        if most > MOST_UNEQUAL * fewest:
            images = f"{counted(most, 'training image')} of {large_name}, {fewest:,} of {small_name}"
            yield f"the classes are very unequal ({images})"


def shares_apart(counts: Counts) -> float:
    """The share of the training images that would have to be of other classes for the class shares of the test split.

    Half of the sum of the absolute differences (total variation distance), from 0 to 1: so far at most can the
    accuracies of two splits be apart for this reason alone.
    """
    train, test = ([size / (sum(counts[split]) or 1) for size in counts[split]] for split in ("train", "test"))
    return sum(abs(one - other) for one, other in zip(train, test, strict=True)) / 2
