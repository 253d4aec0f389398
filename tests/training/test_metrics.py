import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, top_k_accuracy_score

from vitreport.training.evaluate import (
    CALIBRATION_BINS,
    MAX_CONFUSION_CLASSES,
    Labels,
    Logits,
    measure,
    measure_details,
)


def random_case(seed: int, count: int = 200, classes: int = 8) -> tuple[Logits, Labels]:
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=3, size=(count, classes)).astype(np.float32)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, count - classes)])
    return logits, labels


def probabilities(logits: Logits) -> NDArray[np.float64]:
    found: NDArray[np.float64] = softmax(logits.astype(np.float64), axis=1)
    return found


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 8, 20]))
def test_measurements_are_those_of_scikit_learn(seed: int, classes: int) -> None:
    logits, labels = random_case(seed, classes=classes)
    measured, details = measure(logits, labels), measure_details(logits, labels)
    assert measured.count == 200
    assert measured.accuracy == pytest.approx(accuracy_score(labels, logits.argmax(1)), abs=1e-12)
    assert measured.loss == pytest.approx(log_loss(labels, probabilities(logits)), rel=1e-9)
    assert measured.metrics["top5"] == pytest.approx(top_k_accuracy_score(labels, logits, k=5), abs=1e-12)
    assert details.confusion is not None
    assert np.array_equal(details.confusion, confusion_matrix(labels, logits.argmax(1)))
    assert list(details.per_class_count) == np.bincount(labels, minlength=classes).tolist()
    assert sum(details.per_class_correct) == measured.correct


def test_no_top_five_of_five_classes() -> None:
    logits, labels = random_case(0, classes=5)
    assert measure(logits, labels).metrics == {}


def test_ties_do_not_count_as_found() -> None:
    logits = np.zeros((1, 6), np.float32)
    assert measure(logits, np.array([3])).metrics["top5"] == 0


def test_calibration_error_by_hand() -> None:
    """Two classes; confidences 0.9, 0.9, 0.7, 0.7, of which the first, the third and the fourth are right.

    In the bin of 0.9 the accuracy is 1/2: a gap of 0.4. In that of 0.7 it is 1: a gap of 0.3. Both weigh a half.
    """
    odds = [math.log(9), math.log(9), math.log(7 / 3), math.log(7 / 3)]
    logits = np.array([[value, 0] for value in odds], np.float32)
    details = measure_details(logits, np.array([0, 1, 0, 0]))
    assert details.expected_calibration_error == pytest.approx(0.35)
    filled = {index: kept for index, kept in enumerate(details.calibration) if kept.count}
    assert {index: (kept.count, kept.accuracy) for index, kept in filled.items()} == {13: (2, 0.5), 10: (2, 1.0)}
    assert [filled[10].confidence, filled[13].confidence] == pytest.approx([0.7, 0.9])
    assert len(details.calibration) == CALIBRATION_BINS


def test_certainty_falls_into_the_last_bin() -> None:
    details = measure_details(np.array([[1e4, 0], [0, 1e4]], np.float32), np.array([0, 0]))
    assert details.calibration[-1].count == 2
    assert details.expected_calibration_error == pytest.approx(0.5)


def test_large_logits_do_not_overflow() -> None:
    logits = np.array([[3e38, -3e38, 0]], np.float32)
    assert measure(logits, np.array([0])).loss == 0
    assert measure(logits, np.array([1])).loss == pytest.approx(6e38, rel=1e-6)


def test_confusion_counts_true_classes_in_rows() -> None:
    logits = np.eye(3, dtype=np.float32)[[0, 1, 1, 1]]
    details = measure_details(logits, np.array([0, 0, 2, 1]))
    assert details.confusion == ((1, 1, 0), (0, 1, 0), (0, 1, 0))
    assert details.per_class_count == (2, 1, 1)
    assert details.per_class_correct == (1, 1, 0)


def test_confusion_of_many_classes_is_left_to_the_predictions() -> None:
    logits, labels = random_case(0, count=300, classes=MAX_CONFUSION_CLASSES + 1)
    details = measure_details(logits, labels)
    assert details.confusion is None
    assert sum(details.per_class_count) == 300
    assert sum(details.per_class_correct) == accuracy_score(labels, logits.argmax(1), normalize=False)
