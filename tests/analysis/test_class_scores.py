"""Scores by class are those of scikit-learn, of records with a confusion matrix and of those with counts only."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support

from tests.records import CLASSES, spec, write_run
from tests.report.pictured import change_result
from vitreport.analysis.class_scores import ClassScore, class_scores, mean_score
from vitreport.analysis.summarize import summarize
from vitreport.files import write_json
from vitreport.records.measurement import SplitDetails
from vitreport.records.reader import read_run
from vitreport.report.class_tables import classes
from vitreport.report.tables import splits
from vitreport.training import evaluate
from vitreport.training.evaluate import Labels, measure_details

RUNS = Path("runs")


def random_case(seed: int, classes: int) -> tuple[Labels, Labels]:
    """Labels and predictions of 60 images; some classes have no images, some are never predicted, some neither."""
    generator = np.random.default_rng(seed)
    present = [generator.choice(classes, max(1, classes // 2), replace=False) for _ in range(2)]
    labels, predicted = (generator.choice(each, 60) for each in present)
    agree = generator.random(60) < 0.4
    return labels, np.where(agree, labels, predicted)


def details_of(labels: Labels, predicted: Labels, classes: int) -> SplitDetails:
    return measure_details(np.eye(classes, dtype=np.float32)[predicted], labels)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 5, 12]), st.booleans())
def test_scores_are_those_of_scikit_learn(seed: int, classes: int, has_confusion: bool) -> None:
    labels, predicted = random_case(seed, classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "MAX_CONFUSION_CLASSES", classes if has_confusion else 1)
        details = details_of(labels, predicted, classes)
    assert (details.confusion is None, details.per_class_predicted is None) == (not has_confusion, has_confusion)
    found = class_scores(details)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=0
    )
    counts = set(labels) | set(predicted)
    for place, each in enumerate(found.classes):
        if place in counts:
            assert (each.precision, each.f1) == pytest.approx((precision[place], f1[place]))
            assert each.recall == (pytest.approx(recall[place]) if place in labels else None)
        else:
            assert each == ClassScore(None, None, None)
    assert found.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes without images
        assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))


def test_a_record_that_does_not_count_predictions_has_recall_alone() -> None:
    details = details_of(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).model_copy(update={"confusion": None})
    found = class_scores(details)
    assert [(each.recall, each.precision, each.f1) for each in found.classes] == [(0.5, None, None), (1.0, None, None)]
    assert (found.balanced_accuracy, found.macro_f1) == (0.75, None)


def test_a_mean_over_seeds_needs_every_seed() -> None:
    assert mean_score([0.5, 0.75]) == 0.625
    assert mean_score([0.5, None]) is None
    assert mean_score([]) is None


@pytest.mark.parametrize(
    ("taken", "is_sound"),
    [([1000] * 10, True), ([1000] * 9, False), ([1000] * 9 + [999], False), ([10_000] + [0] * 9, False)],
)
def test_predictions_that_contradict_the_split_are_damage(taken: list[int], is_sound: bool) -> None:
    """Of each class at least the correct images were predicted, and of all classes the images of the split."""
    folder = write_run(RUNS, spec(), 0.5)
    result = read_run(folder).result
    assert result
    values = result.stored()
    values["test"] |= {"confusion": None, "per_class_predicted": taken}
    write_json(folder / "result.json", values)
    assert (read_run(folder).damage == ()) is is_sound
    values["test"]["confusion"] = result.stored()["test"]["confusion"]
    write_json(folder / "result.json", values)
    assert read_run(folder).damage


def test_each_score_is_the_mean_over_the_seeds() -> None:
    folders = [write_run(RUNS, spec(seed=seed), accuracy) for seed, accuracy in enumerate((0.5, 0.6))]
    (group,) = summarize(folders).groups
    scores = [class_scores(result.test) for folder in folders if (result := read_run(folder).result)]
    assert group.macro_f1 == pytest.approx(sum(each.macro_f1 or 0 for each in scores) / 2)
    assert group.balanced_accuracy == pytest.approx(0.55)
    assert group.unequal_classes == ""


def without_images(folder: Path) -> Path:
    """A run whose last class has no test images, though images of the one before are predicted as it."""
    test = json.loads((folder / "result.json").read_text())["test"]
    *rows, moved = test["confusion"]
    moved[-2:] = [moved[-1] + moved[-2], 0]
    rows[-1] = [sum(counts) for counts in zip(rows[-1], moved, strict=True)]
    test["confusion"] = [*rows, [0] * len(moved)]
    test["per_class_count"] = list(map(sum, test["confusion"]))
    test["per_class_correct"] = [row[place] for place, row in enumerate(test["confusion"])]
    return change_result(folder, test=test)


def test_a_class_that_is_only_predicted_has_a_row_and_counts_in_macro_f1() -> None:
    folders = [without_images(write_run(RUNS, spec(seed=seed), accuracy)) for seed, accuracy in enumerate((0.5, 0.6))]
    (group,) = summarize(folders).groups
    assert group.details
    content = classes([("Perceiver IO", group)])
    assert content.rows[-1] == (CLASSES[-1], "\N{EN DASH}", "0.0%", "0.0%")
    f1 = [each.f1 for each in group.details.classes.values()]
    assert group.macro_f1 == pytest.approx(sum(value or 0 for value in f1) / 10)
    assert "A class without test images has no recall." in content.note
    several = classes([("first", group), ("second", group)])
    assert several.rows[-1][1] == "\N{EN DASH} / 0.0"
    assert "A class without test images has no recall." in several.note


def test_the_recall_of_a_class_has_an_interval_over_seeds_and_images() -> None:
    (group,) = summarize([write_run(RUNS, spec(seed=seed), 0.5 + seed / 100) for seed in range(3)]).groups
    content = classes([("Perceiver IO", group)])
    assert group.details
    recall = group.details.classes[CLASSES[0]].recall
    assert recall
    assert (recall.method, recall.n, recall.images) == ("crossed", 3, 1000)
    assert content.rows[0][1] == recall.in_percent(seeds=False)
    assert content.note.startswith("95% confidence intervals (3 seeds each): over seeds and test images. ")
    assert "assume the worst case: the seeds agree" in content.note


def test_a_run_without_macro_f1_is_named() -> None:
    folders = [write_run(RUNS, spec(seed=seed), 0.5) for seed in (0, 1)]
    test = json.loads((folders[1] / "result.json").read_text())["test"]
    change_result(folders[1], test={**test, "confusion": None})
    (group,) = summarize(folders).groups
    note = splits([("Perceiver IO", group)]).note
    unknown = "Macro F1 is unknown for"
    assert f" {unknown} {folders[1].name}: their records do not count the predictions of each class" in note
    (group,) = summarize(folders[:1]).groups
    assert unknown not in splits([("Perceiver IO", group)]).note
