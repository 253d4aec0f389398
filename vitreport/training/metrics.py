"""Measurements on logits: plain numpy in float64, the same for training, evaluation and every split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitreport.training.events import SplitMetrics

CALIBRATION_BINS = 15
TOP_K = 5
MOST_CONFUSION_CLASSES = 200

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Measurement:
    """Accuracies are fractions, the loss is in nats; `top5` is None where there are no more than five classes."""

    count: int
    loss: float
    accuracy: float
    top5: float | None


@dataclass(frozen=True)
class CalibrationBin:
    """The images whose confidence falls into one bin: how many, how confident, how often right."""

    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Details:
    """What is worth keeping of the test split beside the totals; `confusion[i][j]` counts class i taken for j.

    It is None above MOST_CONFUSION_CLASSES, where it would be larger than the predictions that it comes from.
    """

    expected_calibration_error: float
    calibration: tuple[CalibrationBin, ...]
    per_class_count: tuple[int, ...]
    per_class_correct: tuple[int, ...]
    confusion: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True)
class Mistake:
    """An image, by its place in the split, that was taken for another class."""

    index: int
    label: int
    predicted: int
    confidence: float


def measure(logits: Logits, labels: Labels) -> Measurement:
    """Mean cross entropy, top-1 and top-5 accuracy of logits (N, K) against labels (N,)."""
    rows = np.arange(len(labels))
    log_likelihood = _log_softmax(logits)[rows, labels]
    return Measurement(
        count=len(labels),
        loss=float(-log_likelihood.mean()),
        accuracy=float((logits.argmax(1) == labels).mean()),
        top5=_top_k_accuracy(logits, labels, TOP_K) if logits.shape[1] > TOP_K else None,
    )


def split_metrics(logits: Logits, labels: Labels) -> SplitMetrics:
    measurement = measure(logits, labels)
    return SplitMetrics(loss=measurement.loss, accuracy=measurement.accuracy)


def measure_details(logits: Logits, labels: Labels) -> Details:
    """Calibration, per-class counts and the confusion matrix of logits (N, K) against labels (N,)."""
    classes = logits.shape[1]
    predicted = logits.argmax(1)
    calibration = _calibration(logits, predicted == labels)
    gaps = (kept.count * abs(kept.confidence - kept.accuracy) for kept in calibration)
    return Details(
        expected_calibration_error=sum(gaps) / len(labels),
        calibration=calibration,
        per_class_count=tuple(np.bincount(labels, minlength=classes).tolist()),
        per_class_correct=tuple(np.bincount(labels[predicted == labels], minlength=classes).tolist()),
        confusion=_confusion(labels, predicted, classes) if classes <= MOST_CONFUSION_CLASSES else None,
    )


def confident_mistakes(logits: Logits, labels: Labels, most: int) -> tuple[Mistake, ...]:
    """Those of the highest confidence, the highest first; among equals the first images."""
    predicted, confidence = logits.argmax(1), np.exp(_log_softmax(logits).max(1))
    wrong = np.flatnonzero(predicted != labels)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    columns = (chosen, labels[chosen], predicted[chosen], confidence[chosen])
    return tuple(Mistake(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def _confusion(labels: Labels, predicted: Labels, classes: int) -> tuple[tuple[int, ...], ...]:
    counts = np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    return tuple(tuple(row) for row in counts.tolist())


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return normalised


def _top_k_accuracy(logits: Logits, labels: Labels, k: int) -> float:
    """The share of images whose true class is among the k largest logits; ties count against it."""
    truth = logits[np.arange(len(labels)), labels]
    at_least_as_large = (logits >= truth[:, None]).sum(1)
    return float((at_least_as_large <= k).mean())


def _calibration(logits: Logits, correct: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Bins of equal width over the confidence (Guo et al. 2017, arXiv:1706.04599, section 2)."""
    confidence = np.exp(_log_softmax(logits).max(1))
    bin_index = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bin_index, minlength=CALIBRATION_BINS)
    divisor = np.maximum(count, 1)
    mean_confidence = np.bincount(bin_index, confidence, CALIBRATION_BINS) / divisor
    mean_accuracy = np.bincount(bin_index, correct, CALIBRATION_BINS) / divisor
    columns = zip(count.tolist(), mean_confidence.tolist(), mean_accuracy.tolist(), strict=True)
    return tuple(CalibrationBin(*column) for column in columns)
