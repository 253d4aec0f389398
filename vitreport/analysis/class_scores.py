"""Recall, precision and F1 of each class and their means, as scikit-learn defines them with zero_division=0.

A class counts if it has images or predictions. A class without images has no recall.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from vitreport.records.measurement import SplitDetails


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class, fractions.

    Precision and F1 are None if the record does not say how many images were predicted as the class. All scores are
    None if the class does not count.
    """

    recall: float | None  # the accuracy of the class
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class ClassScores:
    """The scores of all classes of a split, and their means."""

    classes: tuple[ClassScore, ...]
    balanced_accuracy: float  # the mean recall of the classes that have images
    macro_f1: float | None  # the mean F1 of the classes that count


def class_scores(split: SplitDetails) -> ClassScores:
    """Compute the scores of a split that has images.

    With tp the correct images of a class, recall is tp / images, precision tp / predicted, and F1, their harmonic mean,
    2 tp / (images + predicted).
    """
    counts, correct, taken = split.per_class_count, split.per_class_correct, split.predicted
    recall = [right / images if images else None for right, images in zip(correct, counts, strict=True)]
    balanced = fmean(each for each in recall if each is not None)
    if taken is None:
        return ClassScores(tuple(ClassScore(each, None, None) for each in recall), balanced, None)
    found = [
        ClassScore(share, right / max(1, predicted), 2 * right / (images + predicted))
        if images + predicted
        else ClassScore(None, None, None)
        for share, right, images, predicted in zip(recall, correct, counts, taken, strict=True)
    ]
    return ClassScores(tuple(found), balanced, fmean(each.f1 for each in found if each.f1 is not None))


def mean_score(values: Sequence[float | None]) -> float | None:
    """Return the mean over seeds, None unless the score of every seed is known."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
