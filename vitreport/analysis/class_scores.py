"""Recall, precision and F1 of each class and their means, as scikit-learn defines them with zero_division=0."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from vitreport.records.measurement import SplitDetails


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class, fractions.

    Precision and F1 are None where the record does not say how many images were taken for the class.
    """

    recall: float  # the accuracy of the class
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class ClassScores:
    """The scores of all classes of a split, and their means."""

    classes: tuple[ClassScore, ...]
    balanced_accuracy: float  # the mean recall of the classes that have images
    macro_f1: float | None  # the mean F1 of the classes that have images or for which images were taken


def class_scores(split: SplitDetails) -> ClassScores:
    """Compute the scores of a split that has images.

    With tp the correct images of a class, recall is tp / images, precision tp / predicted, and F1, their harmonic mean,
    2 tp / (images + predicted).
    """
    counts, correct, taken = split.per_class_count, split.per_class_correct, split.predicted
    recall = list(map(_ratio, correct, counts))
    balanced = fmean(each for each, images in zip(recall, counts, strict=True) if images)
    if taken is None:
        return ClassScores(tuple(ClassScore(each, None, None) for each in recall), balanced, None)
    seen = [images + predicted for images, predicted in zip(counts, taken, strict=True)]
    f1 = [_ratio(2 * right, images) for right, images in zip(correct, seen, strict=True)]
    macro = fmean(each for each, images in zip(f1, seen, strict=True) if images)
    return ClassScores(tuple(map(ClassScore, recall, map(_ratio, correct, taken), f1)), balanced, macro)


def mean_score(values: Sequence[float | None]) -> float | None:
    """Return the mean over seeds, None unless the score of every seed is known."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
