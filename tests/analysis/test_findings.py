"""Every rule, where it speaks and where it is silent or doubts, as whole sentences."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.analysis.designs import design
from tests.records import DIVERGED, spec, write_run, write_seeds
from vitreport.analysis.claims import Claim, judge
from vitreport.analysis.findings import altered_data, findings, large_gap
from vitreport.analysis.summarize import Outline, summarize
from vitreport.analysis.summary import Finding, Summary
from vitreport.formatting import Estimate
from vitreport.records.folders import run_folders
from vitreport.report.tables import comparison

RUNS = Path("runs")
QUICK = {"epochs": 10}


def summary(outline: Outline | None = None) -> Summary:
    return summarize(run_folders(RUNS), outline or Outline())


def told(rule: str, outline: Outline | None = None) -> list[str]:
    return [finding.sentence for finding in findings(summary(outline)) if finding.rule == rule]


def test_best_with_its_distance_from_the_next() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562])
    write_seeds(RUNS, [0.5, 0.501, 0.502], model="swin")
    write_seeds(RUNS, [0.4, 0.401, 0.402], model="tnt")
    assert told("best") == [
        "On CIFAR-10, Perceiver IO is best with 56.1%, 6.0 pp (95% CI 5.8 to 6.2) above Swin Transformer."
    ]


def test_a_tie_where_no_difference_is_shown() -> None:
    write_seeds(RUNS, [0.55, 0.56, 0.57])
    write_seeds(RUNS, [0.54, 0.56, 0.575], model="swin")
    assert told("best") == []
    assert told("tie") == [
        "On CIFAR-10, Perceiver IO has the highest mean test accuracy, 56.0%, but no difference from Swin Transformer "
        "is shown. Swin Transformer is 0.2 pp (95% CI -3.4 to 3.8) below."
    ]


def test_a_winner_needs_a_difference_from_every_other() -> None:
    write_seeds(RUNS, [0.55, 0.56, 0.57])
    write_seeds(RUNS, [0.54, 0.56, 0.575], model="swin")
    write_seeds(RUNS, [0.30, 0.31, 0.32], model="tnt")
    (sentence,) = told("tie")
    assert "no difference from Swin Transformer is shown." in sentence
    assert "TNT" not in sentence


@pytest.mark.parametrize("others", [(), ("tnt",), ("tnt", "mlp-mixer", "perceiver")])
def test_equal_means_share_the_highest(others: tuple[str, ...]) -> None:
    """However many there are, none of them alone has the highest mean."""
    for model in ("perceiver-io", "swin", *others):
        write_seeds(RUNS, [0.55, 0.56, 0.57], model=model)
    (sentence,) = told("tie")
    assert " share the highest mean test accuracy, 56.0%; no difference is shown." in sentence
    assert ("and 2 more" in sentence) == (len(others) == 3)


def test_a_single_or_a_diverged_seed_blocks_no_winner_and_no_difference() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562])
    write_seeds(RUNS, [0.5, 0.501, 0.502], model="swin")
    write_seeds(RUNS, [0.9], model="tnt")
    write_seeds(RUNS, [0.8, 0.81], model="mlp-mixer")
    write_run(RUNS, spec("mlp-mixer", seed=2), None, error=DIVERGED)
    assert len(told("best")) == 1
    assert told("not compared") == [
        "On CIFAR-10, not compared, because of single or diverged seeds: TNT and MLP-Mixer."
    ]
    found = comparison(summary().sections[0].comparisons[0])
    assert [row[2] for row in found.rows] == ["\N{EN DASH}", "\N{EN DASH}", "highest", "-6.0 (-6.2 to -5.8)"]
    assert found.note.endswith(" Results of a single seed, or with diverged seeds, are not compared.")


def test_many_tied_architectures_are_one_short_sentence() -> None:
    for model in ("perceiver-io", "perceiver", "mlp-mixer", "swin", "tnt"):
        write_seeds(RUNS, [0.55, 0.56, 0.57], model=model)
    (sentence,) = told("tie")
    assert len(sentence.split()) <= 45


def test_single_runs_have_no_winner() -> None:
    write_seeds(RUNS, [0.9])
    write_seeds(RUNS, [0.5, 0.51], model="swin")
    assert told("best") + told("tie") == []
    assert told("no winner") == [
        "On CIFAR-10, no winner is claimed: one seed gives no estimate of the variation between seeds. The highest "
        "test accuracy is that of Perceiver IO, 90.0% (89.4 to 90.6, single run)."
    ]


def test_an_architecture_alone_is_not_the_best() -> None:
    write_seeds(RUNS, [0.55, 0.56])
    assert told("alone") == [
        "On CIFAR-10, Perceiver IO reaches 55.5% (49.1 to 61.9, n = 2). No other architecture has a result."
    ]


def test_levels_that_differ_and_those_that_do_not() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562], train={"batch_size": 128})
    write_seeds(RUNS, [0.5, 0.501, 0.502], train={"batch_size": 32})
    write_seeds(RUNS, [0.559, 0.561, 0.5605], train={"batch_size": 64})
    assert told("difference") == ["batch_size 32 is 6.0 pp (95% CI 5.7 to 6.3) below 128."]
    assert told("no difference") == ["No difference from batch_size 128 is shown for 64."]


def test_single_levels_claim_no_difference() -> None:
    write_seeds(RUNS, [0.56], train={"batch_size": 128})
    write_seeds(RUNS, [0.5], train={"batch_size": 32})
    assert told("difference") + told("no difference") == []
    assert told("to settle") == ["At least two seeds per value of batch_size are needed to show a difference."]


@pytest.mark.parametrize(
    ("middle", "last", "expected"),
    [
        (
            [0.53, 0.531],
            [0.56, 0.561],
            ["Only the ends are compared: batch_size 128 is 6.0 pp (95% CI "],
        ),
        ([0.501, 0.502], [0.502, 0.503], []),
        ([0.53], [0.56], []),
        ([0.57, 0.571], [0.56, 0.561], []),
    ],
)
def test_a_trend_holds_at_every_step_and_between_its_ends(
    middle: list[float], last: list[float], expected: list[str]
) -> None:
    write_seeds(RUNS, [0.5, 0.501] if len(last) > 1 else [0.5], train={"batch_size": 32})
    write_seeds(RUNS, middle, train={"batch_size": 64})
    write_seeds(RUNS, last, train={"batch_size": 128})
    sentences = told("trend")
    assert [end in sentence for sentence, end in zip(sentences, expected, strict=True)] == [True] * len(expected)
    assert [sentence for sentence in sentences if "increases over all 3 values" not in sentence] == []


@pytest.mark.parametrize("baseline", ["16", "32", None])
def test_the_ends_are_compared_wherever_the_baseline_is(baseline: str | None) -> None:
    """As one more comparison than those with the baseline."""
    for size, accuracies in ((16, [0.5, 0.501]), (32, [0.505, 0.508]), (64, [0.511, 0.512])):
        write_seeds(RUNS, accuracies, train={"batch_size": size})
    cells = tuple(((str(size),), spec(train={"batch_size": size}).run_id) for size in (16, 32, 64))
    outline = Outline(sweeps=(design(("batch_size",), cells, (baseline,) if baseline else None),))
    (trend,) = told("trend", outline)
    assert (
        "Mean test accuracy increases over all 3 values. Only the ends are compared: batch_size 64 is 1.1 pp (95% CI "
        in trend
    )
    (ablation,) = summary(outline).ablations
    assert ablation.ends
    assert ablation.ends.comparisons == 3
    assert {each.difference.comparisons for each in ablation.levels if each.difference} == ({2} if baseline else set())


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (
            Estimate(0.2, 0.1, 0.3, "t", 3),
            "A generalization gap above 5 pp is shown for It.",
        ),
        (
            Estimate(0.02, 0.01, 0.03, "t", 3),
            "A generalization gap above 5 pp is ruled out for It.",
        ),
        (
            Estimate(0.05, 0.0, 0.1, "t", 3),
            "A generalization gap above 5 pp is neither shown nor ruled out for It.",
        ),
        (
            Estimate(-0.05, -0.1, -0.01, "t", 3),
            "A generalization gap above 5 pp is ruled out for It.",
        ),
    ],
)
def test_a_large_gap_is_a_number_with_its_interval(gap: Estimate, expected: str) -> None:
    write_seeds(RUNS, [0.5])
    (found,) = large_gap([("It", replace(summary().groups[0], gap=gap))])
    assert found.sentence.startswith(expected)
    assert found.estimate == gap
    assert list(large_gap([("It", replace(summary().groups[0], gap=None))])) == []


def test_convergence_says_what_was_late() -> None:
    write_seeds(RUNS, [0.5, 0.51], train=QUICK)
    assert told("convergence") == []
    write_seeds(RUNS, [0.5, 0.51], model="swin", train={"epochs": 2})
    assert told("convergence") == [
        "Training loss was still decreasing near the end for Swin Transformer: more epochs may change the result."
    ]


def test_what_diverged_is_told_and_what_is_done_is_not() -> None:
    write_run(RUNS, spec(seed=0), 0.5)
    write_run(RUNS, spec(seed=1), None, error=DIVERGED)
    assert told("no result") == ["Runs without a result: Perceiver IO (1 of 2 seeds diverged)."]


def test_a_published_claim_that_several_seeds_contradict() -> None:
    write_seeds(RUNS, [0.5, 0.501, 0.502])
    group = spec().run_id.removesuffix("-s0")
    found = summary()
    claims = [
        Claim("Perceiver IO on CIFAR-10", "56.20%", "the README", group, value=published)
        for published in (0.562, 0.501)
    ]
    sentences = [
        each.sentence
        for each in findings(found, judge(claims, found.groups, found.datasets))
        if each.rule == "contradiction"
    ]
    assert sentences == ["The measurements contradict 1 of 2 comparable published claims: Perceiver IO on CIFAR-10."]


def test_images_that_are_not_the_published_ones_are_named() -> None:
    write_seeds(RUNS, [0.5])
    (dataset,) = summary().datasets
    assert list(altered_data([dataset])) == []
    (found,) = altered_data([replace(dataset, canonical=False)])
    assert "differ from the published ones" in found.sentence


def test_no_sentence_is_without_an_interval_or_a_word_on_it() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562], train={"batch_size": 128})
    write_seeds(RUNS, [0.5], train={"batch_size": 32})
    write_seeds(RUNS, [0.5, 0.501], model="swin")
    write_run(RUNS, spec("tnt"), None, error=DIVERGED)
    assert [each.sentence for each in findings(summary()) if not _speaks_of_its_uncertainty(each)] == []


def _speaks_of_its_uncertainty(finding: Finding) -> bool:
    words = ("95% CI", "single run", "one seed", "no interval", "without a result", "shown", "ruled out")
    return finding.rule in ("convergence", "to settle", "not compared") or any(
        word in finding.sentence for word in words
    )


@pytest.mark.parametrize(
    ("value", "expected"), [(-0.0002, "-0.02"), (0.0004, "+0.04"), (-1e-9, "+0.0"), (0.0, "+0.0"), (0.0005, "+0.1")]
)
def test_the_side_of_a_small_difference_is_seen_and_nothing_has_no_side(value: float, expected: str) -> None:
    assert Estimate(value, None, None, "none", 1).in_signed_pp() == expected


def test_a_single_run_shows_no_large_gap() -> None:
    write_seeds(RUNS, [0.5])
    gap = Estimate(0.2, 0.15, 0.25, "newcombe", 1)
    assert list(large_gap([("It", replace(summary().groups[0], gap=gap))])) == []


def test_a_tie_of_equal_means_gives_no_distance_below() -> None:
    write_seeds(RUNS, [0.5, 0.52, 0.54])
    write_seeds(RUNS, [0.54, 0.52, 0.5], model="swin")
    (tie,) = told("tie")
    assert " is 0.0 pp" not in tie
