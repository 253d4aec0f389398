"""Measurements on logits: plain numpy in float64, the same for training, evaluation and every split."""

import numpy as np
from numpy.typing import NDArray

from vitreport.records.measurement import METRICS, CalibrationBin, Measurement, Mistake, SplitDetails

CALIBRATION_BINS = 15
TOP_K = 5
MOST_CONFUSION_CLASSES = 200

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


def top5(logits: Logits, labels: Labels) -> float | None:
    """Return the share of images whose class is among the five largest logits; ties count against it."""
    if logits.shape[1] <= TOP_K:
        return None
    truth = logits[np.arange(len(labels)), labels]
    at_least_as_large = (logits >= truth[:, None]).sum(1)
    return float((at_least_as_large <= TOP_K).mean())


FUNCTIONS = {"top5": top5}
"""How each of METRICS is computed from logits (N, K) and labels (N,); None where it does not apply."""


def measure(logits: Logits, labels: Labels) -> Measurement:
    """Count right answers of logits (N, K) for labels (N,), and compute the mean cross entropy and all METRICS.

    Raises FloatingPointError where the cross entropy is infinite or NaN.
    """
    loss = float(-_log_softmax(logits)[np.arange(len(labels)), labels].mean())
    if not np.isfinite(loss):
        raise FloatingPointError(f"loss = {loss}")
    metrics = {name: FUNCTIONS[name](logits, labels) for name in METRICS}
    return Measurement(
        count=len(labels),
        correct=int((logits.argmax(1) == labels).sum()),
        loss=loss,
        metrics={name: value for name, value in metrics.items() if value is not None},
    )


def measure_details(logits: Logits, labels: Labels) -> SplitDetails:
    """Calibration, per-class counts and the confusion matrix of logits (N, K) against labels (N,)."""
    classes = logits.shape[1]
    predicted = logits.argmax(1)
    calibration = _calibration(logits, predicted == labels)
    gaps = (kept.count * abs(kept.confidence - kept.accuracy) for kept in calibration)
    return SplitDetails(
        expected_calibration_error=sum(gaps) / len(labels),
        calibration=calibration,
        per_class_count=tuple(np.bincount(labels, minlength=classes).tolist()),
        per_class_correct=tuple(np.bincount(labels[predicted == labels], minlength=classes).tolist()),
        confusion=_confusion(labels, predicted, classes) if classes <= MOST_CONFUSION_CLASSES else None,
    )


def confident_mistakes(logits: Logits, labels: Labels, most: int) -> tuple[Mistake, ...]:
    """Return up to `most` wrong images, the most confident first; among equals the first images."""
    predicted, confidence = logits.argmax(1), np.exp(_log_softmax(logits).max(1))
    wrong = np.flatnonzero(predicted != labels)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    columns = (column.tolist() for column in (chosen, labels[chosen], predicted[chosen], confidence[chosen]))
    return tuple(
        Mistake(index=index, label=label, predicted=taken_for, confidence=min(1.0, sure))
        for index, label, taken_for, sure in zip(*columns, strict=True)
    )


def _confusion(labels: Labels, predicted: Labels, classes: int) -> tuple[tuple[int, ...], ...]:
    counts = np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    return tuple(tuple(row) for row in counts.tolist())


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return normalised


def _calibration(logits: Logits, correct: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Bins of equal width over the confidence (Guo et al. 2017, arXiv:1706.04599, section 2)."""
    confidence = np.exp(_log_softmax(logits).max(1))
    bin_index = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bin_index, minlength=CALIBRATION_BINS)
    divisor = np.maximum(count, 1)
    mean_confidence = np.bincount(bin_index, confidence, CALIBRATION_BINS) / divisor
    correct_images = np.bincount(bin_index[correct], minlength=CALIBRATION_BINS)
    return tuple(
        CalibrationBin(count=images, correct=right, confidence=min(1.0, mean))
        for images, right, mean in zip(count.tolist(), correct_images.tolist(), mean_confidence.tolist(), strict=True)
    )
