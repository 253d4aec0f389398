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
    """Compute calibration, per-class counts and the confusion matrix of logits (N, K) against labels (N,)."""
    classes, predicted = logits.shape[1], logits.argmax(1)
    calibration = _calibration(logits, predicted == labels)
    gaps = (kept.count * abs(kept.confidence - kept.accuracy) for kept in calibration)
    confusion = None
    if classes <= MOST_CONFUSION_CLASSES:
        counts = np.bincount(labels * classes + predicted, minlength=classes**2)
        confusion = tuple(map(tuple, counts.reshape(classes, classes).tolist()))
    return SplitDetails(
        expected_calibration_error=sum(gaps) / len(labels),
        calibration=calibration,
        per_class_count=tuple(np.bincount(labels, minlength=classes).tolist()),
        per_class_correct=tuple(np.bincount(labels[predicted == labels], minlength=classes).tolist()),
        confusion=confusion,
    )


def confident_mistakes(logits: Logits, labels: Labels, most: int) -> tuple[Mistake, ...]:
    """Return up to `most` wrong images, the most confident first; among equals the first images."""
    predicted, confidence = logits.argmax(1), _confidence(logits)
    wrong = np.flatnonzero(predicted != labels)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:most].tolist()
    return tuple(
        Mistake(index=i, label=int(labels[i]), predicted=int(predicted[i]), confidence=min(1.0, float(confidence[i])))
        for i in chosen
    )


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    normalized: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return normalized


def _confidence(logits: Logits) -> NDArray[np.float64]:
    """Return the probability (N,) of each predicted class."""
    confidence: NDArray[np.float64] = np.exp(_log_softmax(logits).max(1))
    return confidence


def _calibration(logits: Logits, correct: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Fill bins of equal width over the confidence (Guo et al. 2017, arXiv:1706.04599, section 2)."""
    confidence = _confidence(logits)
    bin_index = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bin_index, minlength=CALIBRATION_BINS)
    mean_confidence = np.bincount(bin_index, confidence, CALIBRATION_BINS) / np.maximum(count, 1)
    correct_images = np.bincount(bin_index[correct], minlength=CALIBRATION_BINS)
    return tuple(
        CalibrationBin(count=images, correct=right, confidence=min(1.0, mean))
        for images, right, mean in zip(count.tolist(), correct_images.tolist(), mean_confidence.tolist(), strict=True)
    )
