"""A folder of few and unequal images, from the training to the report: what is warned of and what is not claimed."""

import csv
import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from tests.analysis.test_class_scores import without_images
from tests.cli.conftest import Cli
from tests.commands import TINY, vitreport
from tests.data.makers import write_folder
from tests.records import spec, write_run
from vitreport.records.reader import read_run
from vitreport.store.evaluation import Evaluation

FLAGS = [option for option in TINY if "limit" not in option]
SEEDS = ("0", "1")


def write_unequal() -> Path:
    """36 cats and 12 dogs to train on, 4 cats and 12 dogs to test on."""
    folder = write_folder(Path("mine"), count=12)
    for image in list((folder / "train/cat").iterdir()):
        for copy in (1, 2):
            shutil.copy(image, image.with_name(f"{image.stem}-{copy}.png"))
    for image in sorted((folder / "test/cat").iterdir())[4:]:
        image.unlink()
    return folder


@pytest.fixture
def warned(cli: Cli) -> str:
    folder = write_unequal()
    done = [cli("train", "perceiver-io", "--dataset", f"./{folder}", *FLAGS, "--seed", seed) for seed in SEEDS]
    assert [each.exit_code for each in done] == [0, 0]
    return " ".join(done[0].stderr.split())


def test_training_warns_and_the_report_says_it_too(cli: Cli, warned: str) -> None:
    told = "1 of 2 classes has fewer than 20 training images (the fewest: 11 of dog)"
    assert f"warning: {told}; 2 of 2 classes have fewer than 20 test images (the fewest: 4 of cat)" in warned
    for name in ("markdown", "html", "json"):
        text = cli("report", "--format", name).stdout
        assert told in text or name == "json"
    (dataset,) = json.loads(cli("report", "--format", "json").stdout)["datasets"]
    assert dataset["class_sizes"].startswith(told)


@pytest.mark.usefixtures("warned")
def test_nothing_is_said_of_over_fitting_over_other_class_shares(cli: Cli) -> None:
    found = json.loads(cli("report", "--format", "json").stdout)
    assert "large gap" not in {each["rule"] for each in found["findings"]}
    assert "generalization gap above" not in cli("report").stdout


@pytest.mark.usefixtures("warned")
def test_a_record_that_does_not_count_classes_claims_nothing(cli: Cli) -> None:
    """As those that were written before they were counted."""
    for file in Path("runs").glob("*/run.json"):
        record = json.loads(file.read_text())
        assert record["data"]["class_counts"]["test"] == [4, 12]
        del record["data"]["class_counts"]
        file.write_text(json.dumps(record))
    found = json.loads(cli("report", "--format", "json").stdout)
    rules = {each["rule"] for each in found["findings"]}
    assert "large gap" not in rules


def scores_of(run: Path) -> tuple[float, float]:
    """Balanced accuracy and macro F1 by scikit-learn, of the predictions that a run has written."""
    with np.load(run / "predictions.npz") as found:
        labels, predicted = found["labels"], found["logits"].argmax(1)
    return balanced_accuracy_score(labels, predicted), f1_score(labels, predicted, average="macro", zero_division=0)


@pytest.mark.usefixtures("warned")
def test_unequal_test_classes_are_compared_by_balanced_accuracy_and_macro_f1() -> None:
    runs = sorted(Path("runs").glob("perceiver-io-*"))
    by_hand = [scores_of(run) for run in runs]
    balanced, macro = (sum(values) / len(SEEDS) for values in zip(*by_hand, strict=True))
    (group,) = json.loads(vitreport("report", "--format", "json").stdout)["groups"]
    assert (group["balanced_accuracy"], group["macro_f1"]) == pytest.approx((balanced, macro))
    assert group["unequal_classes"] == "12 test images of dog, 4 of cat"
    (row,) = csv.DictReader(StringIO(vitreport("report", "--format", "csv").stdout))
    assert [float(row[name]) for name in ("balanced_accuracy", "macro_f1")] == pytest.approx([balanced, macro])
    rows = csv.DictReader(StringIO(vitreport("runs", "export").stdout))
    exported = [(float(row["test.balanced_accuracy"]), float(row["test.macro_f1"])) for row in rows]
    assert exported == [pytest.approx(pair) for pair in by_hand]
    text = vitreport("report").stdout
    shown, folded = text.split("<details>", 1)
    assert "| balanced accuracy | macro F1 |" in shown
    assert f"| {balanced:.1%} | {macro:.1%} |" in shown
    assert "Classes are unequal: 12 test images of dog, 4 of cat." in shown
    assert "| class | recall | precision | F1 |" in folded


@pytest.mark.usefixtures("warned")
def test_a_sweep_shows_balanced_accuracy_in_the_terminal_and_in_its_report() -> None:
    sweep = ("ablate", "perceiver-io", "--dataset", "./mine", *FLAGS, "--param", "batch_size", "20", "--seeds", "2")
    balanced, macro = (
        sum(values) / 2 for values in zip(*map(scores_of, Path("runs").glob("perceiver-*")), strict=True)
    )
    _, header, row, note, unequal, *_ = vitreport(*sweep).stdout.splitlines()
    assert header.endswith("balanced accuracy  macro F1")
    assert row.split()[-2:] == [f"{balanced:.1%}", f"{macro:.1%}"]
    assert "Balanced accuracy and macro F1 (test split) are means over seeds" in note
    assert unequal == "Classes are unequal: 12 test images of dog, 4 of cat. Large classes count more in accuracy."


@pytest.mark.usefixtures("warned")
def test_one_run_shows_balanced_accuracy_and_macro_f1() -> None:
    run = min(Path("runs").glob("perceiver-io-*"))
    balanced, macro = scores_of(run)
    words = f"balanced accuracy {balanced:.2%}, macro F1 {macro:.2%}"
    assert words in " ".join(vitreport("runs", "show", run.name).stdout.split())
    printed = " ".join(vitreport("eval", run.name, "--data-dir", ".").stdout.split())
    assert f"balanced accuracy {balanced:.2%} macro F1 {macro:.2%}" in printed
    assert "class images correct recall precision F1 cat 4 " in printed
    documents = (("runs", "show", run.name, "--json"), ("eval", run.name, "--data-dir", ".", "--json"))
    for found in (json.loads(vitreport(*arguments).stdout)["class_scores"] for arguments in documents):
        assert (found["balanced_accuracy"], found["macro_f1"]) == pytest.approx((balanced, macro))
        assert len(found["classes"]) == 2


def test_a_class_that_is_only_predicted_has_no_recall_and_its_other_scores_are_shown(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = read_run(without_images(write_run(Path("runs"), spec("perceiver-io", "digits"), 0.5)))
    assert run.result
    assert run.record
    measured, facts = run.result.selected.splits["test"], run.record.data
    evaluation = Evaluation("digits", facts.fingerprint, True, facts.classes, measured, run.result.test, 1.0, 1.0, ())
    monkeypatch.setattr("vitreport.store.evaluation.evaluate_runs", lambda *_: evaluation)
    done = cli("eval", run.id)
    (line,) = [line.split() for line in done.stdout.splitlines() if line.startswith("9 ")][:1]
    assert line == ["9", "0", "0", "0.00%", "0.00%"]
    for arguments in (("eval", run.id, "--json"), ("runs", "show", run.id, "--json")):
        scores = json.loads(cli(*arguments).stdout)["class_scores"]["classes"]
        assert scores[-1] == {"recall": None, "precision": 0.0, "f1": 0.0}


def test_classes_that_begin_alike_are_told_apart_in_the_confusion_matrix(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = read_run(write_run(Path("runs"), spec("perceiver-io", "digits"), 0.5))
    assert run.result
    measured, classes = run.result.selected.splits["test"], tuple(f"class_{digit}" for digit in range(10))
    evaluation = Evaluation("digits", "0" * 64, True, classes, measured, run.result.test, 1.0, 1.0, ())
    monkeypatch.setattr("vitreport.store.evaluation.evaluate_runs", lambda *_: evaluation)
    (header,) = [line for line in cli("eval", run.id).stdout.splitlines() if line.startswith("true ")]
    assert header.split()[3:] == [f"cla…_{digit}" for digit in range(10)]


def test_equal_classes_need_no_other_score_in_the_open_part(cli: Cli) -> None:
    write_run(Path("runs"), spec(), 0.5)
    shown, folded = cli("report").stdout.split("<details>", 1)
    assert "balanced accuracy" not in shown
    assert "unequal" not in shown
    assert "| balanced accuracy | macro F1 |" in folded
