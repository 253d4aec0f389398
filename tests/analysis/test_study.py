"""The study that comes with vitreport: each published figure has its claim, of the very run that was published."""

import csv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.small_images import RUNS, measure, page, page_of, planned, specs_of
from tests.records import write_run
from vitreport.analysis.claims import Verdict
from vitreport.analysis.selection import analyze_study
from vitreport.data.sources import facts_in
from vitreport.spec.run import RunSpec
from vitreport.spec.study import ClaimSpec, combination
from vitreport.sweep.study_plan import StudyRequest, plan_study

METRICS = {"": "test_accuracy", "best": "best_test_accuracy", "best train": "best_train_accuracy"}
with Path(__file__).with_name("published.csv").open(encoding="utf-8") as file:
    PUBLISHED = list(csv.DictReader(file))


def is_about(claim: ClaimSpec, row: Mapping[str, str]) -> bool:
    """Whether a claim gives the figure of a row with all its digits, of a run whose spec is what the row says."""
    if claim.value is None or claim.value.shown != f"{Decimal(row['accuracy']).scaleb(2)}%":
        return False
    if claim.metric != METRICS[row["best"]]:
        return False
    spec = specs_of(claim.of, claim.at)[0]
    return (
        spec.data.dataset == row["dataset"]
        and architecture(spec) == row["model"]
        and getattr(spec.model, "pretrained", False) == row["variant"].endswith("pretrained")
        and row["epochs"] in ("", str(spec.train.epochs))
        and (not row["varied"] or is_varied(spec, row["varied"], row["value"]))
    )


def architecture(spec: RunSpec) -> str:
    """As the published table calls it, a pretrained one by its family."""
    return {"mixer": "mlp-mixer"}.get(name := spec.model.whole_label.removeprefix("timm-").partition("_")[0], name)


def is_varied(spec: RunSpec, varied: str, value: str) -> bool:
    model: Any = spec.model
    match varied:
        case "batch_size":
            return spec.train.batch_size == int(value)
        case "learning_rate":
            return spec.optimizer.learning_rate == float(value)
        case "patch/pixel":
            return f"{model.patch_size}/{model.pixel_size}" == value
    regularized = bool(spec.data.augment), bool(model.attn_dropout and model.ff_dropout)
    return regularized == {"none": (False, False), "dropout-only": (False, True), "both": (True, True)}[value]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: " ".join(filter(None, row.values())))
def test_a_published_figure_has_its_claim(row: Mapping[str, str]) -> None:
    """That the claims are as many as the figures is tested below: some figures were published twice."""
    assert any(is_about(claim, row) for claim in planned().study.claims)


def test_no_figure_is_claimed_that_was_not_published() -> None:
    figures = [claim for claim in planned().study.claims if claim.value is not None]
    assert len(figures) == len(PUBLISHED)
    assert all(any(is_about(claim, row) for row in PUBLISHED) for claim in figures)


def test_what_varies_is_what_the_study_varies() -> None:
    """A run of an ablation that the study has as a run by itself too is one and the same."""
    assert specs_of("perceiver-io/batch-size", 128) == specs_of("perceiver-io/cifar10")
    assert specs_of("tnt/learning-rate-cifar10", 1e-4) == specs_of("tnt/cifar10")
    assert specs_of("perceiver/regularization-tinyimagenet", "both") == specs_of("perceiver/tinyimagenet-large")


def verdict(subject: str, published: str) -> Verdict:
    (found,) = [each for each in page().verdicts if (each.claim.subject, each.claim.published) == (subject, published)]
    return found


def test_without_any_run_nothing_is_judged() -> None:
    verdicts = page().verdicts
    faulty = [bool(claim.fault) or claim.metric == "best_train_accuracy" for claim in planned().study.claims]
    assert {each.outcome for each in verdicts} == {"not run"}
    assert ["would not be comparable: " in each.reason for each in verdicts] == faulty
    assert 0 < sum(faulty) < len(faulty)
    assert all(each.claim.command.startswith("vitreport study run small-images --only ") for each in verdicts)


def test_no_two_claims_are_worded_alike() -> None:
    told = [(each.claim.subject, each.claim.published, each.claim.source) for each in page().verdicts]
    assert len(set(told)) == len(told)


def test_a_figure_that_rests_on_no_fault_is_judged() -> None:
    measure([0.590, 0.591, 0.592], "mlp-mixer/cifar10")
    assert verdict("MLP-Mixer on CIFAR-10", "59%").outcome == "reproduced"
    measure([0.70, 0.701, 0.702], "tnt/learning-rate-cifar10", 3e-4)
    assert verdict("TNT on CIFAR-10, learning_rate 0.0003", "71.67%").outcome == "below"


def test_a_figure_that_rests_on_a_fault_is_shown_beside_what_is_measured() -> None:
    measure([0.56, 0.561, 0.562], "perceiver-io/cifar10")
    found = verdict("Perceiver IO on CIFAR-10", "56.19%")
    assert found.outcome == "not comparable"
    assert "augmented at random" in found.reason
    assert found.measured
    assert found.claim.in_words(found.measured).startswith("56.1% (")


def test_a_figure_that_was_chosen_on_the_test_images_is_compared_with_such_a_one() -> None:
    measure([0.6, 0.601, 0.602], "perceiver/regularization-cifar10", "neither")
    subject = "Perceiver on CIFAR-10, regularization neither, best test accuracy of all epochs"
    assert "both epochs were chosen on the test images" in verdict(subject, "60.37%").reason


def test_a_conclusion_rests_on_the_faults_of_its_figures() -> None:
    """Also one that is drawn from a figure that was published for another setting."""
    study = planned().study
    figures = {(claim.of, combination(claim.at)): set(claim.fault) for claim in study.claims if claim.value}
    conclusions = [claim for claim in study.claims if claim.other is not None]
    assert conclusions
    for claim in conclusions:
        faults = {fault for at in (claim.at, claim.other) for fault in figures[claim.of, combination(at)]}
        assert set(claim.fault) == faults, claim.says
    measure([0.50, 0.501, 0.502], "perceiver-io/learning-rate", 1e-4)
    measure([0.40, 0.401, 0.402], "perceiver-io/learning-rate", 1e-3)
    told = "“1e-4 is better than 1e-3, against the text's conclusion”"
    found = verdict(f"Perceiver IO on CIFAR-10, learning_rate 0.0001, {told}", "above 0.001")
    assert found.outcome == "not comparable"
    assert found.reason.startswith("the same figure was published for a learning rate of 3e-4 and 21 epochs; the pub")
    assert found.measured
    assert found.claim.in_words(found.measured).startswith("+10.0 (")


@pytest.mark.parametrize(
    ("parts", "fault", "sound"),
    [
        ("perceiver-io/", "augmented-test", 0),
        ("perceiver-io/", "query-untrained", 0),
        ("perceiver-io/stl10", "unnormalized-test", 0),
        ("perceiver-io/tinyimagenet", "unnormalized-test", 0),
        ("perceiver-io/tinyimagenet", "images-left-out", 0),
        ("perceiver-io/cifar10", "images-left-out", 0),
        ("perceiver-io/learning-rate", "images-left-out", 0),
        ("perceiver/", "dropout-off", 6),
        ("swin", "drop-path-on", 0),
    ],
)
def test_what_was_wrong_with_a_part_is_a_fault_of_all_its_claims(parts: str, fault: str, sound: int) -> None:
    """But of what was trained without dropout."""
    own = [claim for claim in planned().study.claims if claim.of.startswith(parts)]
    assert own
    assert [claim.at for claim in own if fault not in claim.fault] == ["neither"] * sound


def test_a_whole_number_of_batches_leaves_no_image_out() -> None:
    """10,000 images are 1,250 batches of 8 or 625 of 16."""
    own = [claim for claim in planned().study.claims if claim.of == "perceiver-io/batch-size" and claim.value]
    assert [claim.at for claim in own if "images-left-out" not in claim.fault] == [8, 16]


def test_every_fault_of_the_study_is_that_of_a_claim() -> None:
    study = planned().study
    assert {fault for claim in study.claims for fault in claim.fault} == set(study.faults)


def test_a_claim_with_several_faults_tells_all_of_them() -> None:
    reason = verdict("Perceiver IO on Tiny ImageNet", "12.01%").reason
    assert [part in reason for part in ("augmented at random", "never trained", "not", "9,984 of 10,000")] == [True] * 4


def test_the_best_training_accuracy_is_not_comparable() -> None:
    measure([0.6, 0.601, 0.602], "perceiver/regularization-cifar10", "neither")
    subject = "Perceiver on CIFAR-10, regularization neither, best training accuracy of all epochs"
    found = verdict(subject, "96.47%")
    assert found.outcome == "not comparable"
    assert "is not measured" in found.reason
    assert found.measured
    assert found.claim.in_words(found.measured).startswith("65.1% (")


def test_a_statement_in_words_without_a_fault_is_judged() -> None:
    for spec, accuracy in zip(specs_of("mlp-mixer/stl10"), [0.40, 0.41, 0.42], strict=False):
        write_run(RUNS, spec, accuracy, train_accuracy=accuracy + 0.3 + spec.seed / 1000)
    assert verdict("MLP-Mixer on STL-10, “it overfits”", "gap above 5 pp").outcome == "reproduced"


def test_the_order_is_that_of_the_sections_and_the_best_architecture_is_the_first() -> None:
    """Also where only the last sections have runs; what was not run comes last, in their order."""
    measure([0.6, 0.61, 0.62], "tnt/stl10")
    measure([0.55, 0.56, 0.57], "perceiver-io/tinyimagenet")
    summary = page().summary
    sections = planned().study.order
    assert [section.title for section in summary.sections] == [section.title for section in sections]
    for section, each in zip(summary.sections, sections, strict=True):
        assert section.parts[: len(each.runs)] == each.runs
    assert [each.name for each in summary.architectures][:4] == ["tnt", "perceiver-io", "perceiver", "mlp-mixer"]
    assert list(dict.fromkeys(cell.dataset for cell in summary.pairs)) == ["cifar10", "stl10", "tinyimagenet"]
    compared = [comparison for section in summary.sections for comparison in section.comparisons if comparison.groups]
    assert [group.id.rpartition("-")[0] for each in compared for _, group in each.groups] == [
        "perceiver-io-tinyimagenet",
        "tnt-stl10",
    ]


def test_runs_that_are_none_of_the_study_are_left_out() -> None:
    measure([0.6], "tnt/stl10")
    shorter = specs_of("tnt/stl10")[0]
    write_run(RUNS, shorter.model_copy(update={"train": shorter.train.model_copy(update={"epochs": 2})}), 0.9)
    assert page().summary.runs == 1


def test_an_ablation_says_what_is_missing_and_how_it_is_run() -> None:
    measure([0.5, 0.51, 0.52], "perceiver-io/batch-size", 16)
    (ablation,) = [each for each in page().summary.ablations if each.name == "small-images/perceiver-io/batch-size"]
    assert [level.state for level in ablation.levels] == ["not run", "done", "not run", "not run", "not run"]
    assert ablation.command == "vitreport study run small-images --only perceiver-io/batch-size"


def test_runs_with_other_settings_answer_no_claim() -> None:
    """A claim of a study holds of what the study trains, not of a small make of it."""
    asked = StudyRequest("small-images", assignments=("train.epochs=1",))
    claim = next(claim for claim in planned().study.claims if not claim.fault and claim.value is not None)
    labels = planned().study.parts[claim.of].combinations()[combination(claim.at)]
    for cell in plan_study(asked, facts_in(None)).plans[claim.of].trials:
        if cell.values == labels:
            write_run(RUNS, cell.spec, 0.1 + 0.01 * cell.spec.seed)
    verdicts = page_of(asked).verdicts
    measured = [each for each in verdicts if each.measured]
    assert {each.claim.group for each in measured} == {measured[0].claim.group}
    assert {each.outcome for each in measured} == {"not comparable"}
    assert all(each.reason == "trained with --set train.epochs=1" for each in measured)
    others = [(each.outcome, each.reason) for each in verdicts if not each.measured]
    assert {outcome for outcome, _ in others} == {"not run"}
    reason = "no run yet; would not be comparable: trained with --set train.epochs=1"
    assert all(each.startswith(reason) for _, each in others)


def test_the_texts_have_the_numbers_of_the_runs() -> None:
    for seed, spec in enumerate(specs_of("perceiver-io/cifar10")):
        write_run(RUNS, spec, 0.55 + seed / 100)
    summary = analyze_study(planned(), RUNS).summary
    (row,) = (line for line in summary.sections[0].text.splitlines() if line.startswith("| CIFAR-10 |"))
    accuracy, _, epochs, parameters = row.removeprefix("| CIFAR-10 | ").removesuffix(" |").split(" | ")
    assert accuracy.startswith("56.0% (")
    assert epochs == "21"
    assert parameters.replace(",", "").isdigit()
    assert summary.conclusion == ""  # it would have no number
    assert "a batch of 128 instead of 16: not run yet" in summary.sections[0].text
