"""Single runs compared image by image: what is shown, what is not, and where nothing can be said."""

from pathlib import Path

import pytest
from scipy.stats import binomtest

from tests.records import DIVERGED, spec, write_run
from tests.report.pictured import add_correct
from vitreport.analysis.findings import findings
from vitreport.analysis.protocol import methods
from vitreport.analysis.summarize import summarize
from vitreport.analysis.summary import Finding, Paired, Summary
from vitreport.intervals import mcnemar
from vitreport.records.folders import run_folders
from vitreport.report.sections import make_page

RUNS = Path("runs")
COUNT = 10_000


def summary() -> Summary:
    return summarize(run_folders(RUNS))


def told(*rules: str) -> list[Finding]:
    return [finding for finding in findings(summary()) if finding.rule in rules]


def run(right: range, *, model: str = "perceiver-io", batch_size: int = 128, seed: int = 0, **options: str) -> Path:
    """A run that has these test images right and no others."""
    own = spec(model, seed=seed, train={"epochs": 4, "batch_size": batch_size})
    folder = write_run(RUNS, own, len(right) / COUNT, **options)  # type: ignore[arg-type]
    return add_correct(folder, [place in right for place in range(COUNT)])


def test_values_that_differ_and_those_that_do_not() -> None:
    """The p-values are binomial ones over the images that one alone has right; the level is adjusted."""
    run(range(5000))
    run(range(4400), batch_size=32)
    run(range(20, 5010), batch_size=64)
    p = binomtest(10, 30).pvalue
    doubt = "McNemar's exact test, adjusted for 2 comparisons (Šidák), says nothing about other seeds."
    (differs,) = told("paired difference")
    assert differs.sentence == (
        f"These single runs differ from that of 128 on the same test images: 32 (p < 0.001). {doubt}"
    )
    (alike,) = told("no paired difference")
    assert alike.sentence == (
        f"These single runs are not shown to differ from that of 128 on the same test images: 64 (p = {p:.2g}). {doubt}"
    )
    assert told("difference", "no difference") == []
    levels = {level.labels: level.paired for ablation in summary().ablations for level in ablation.levels}
    other = spec(train={"epochs": 4}).run_id.removesuffix("-s0")
    assert levels["128",] is None
    assert levels["64",] == Paired(other, COUNT, 10, 20, mcnemar(10, 20))
    assert mcnemar(10, 20) == pytest.approx(p)


def test_architectures_of_single_runs_are_not_ranked() -> None:
    run(range(5000), model="swin")
    run(range(4400), model="mlp-mixer")
    run(range(4990), model="tnt")
    assert [finding.sentence for finding in told("paired difference")] == [
        "On CIFAR-10, these single runs differ from that of Swin Transformer on the same test images: "
        "TNT (p = 0.002) and MLP-Mixer (p < 0.001). McNemar's exact test, adjusted for 2 comparisons (Šidák), says "
        "nothing about other seeds.",
    ]
    page = make_page(summary())
    assert page.headline[0].startswith("On CIFAR-10, no winner is claimed: one seed gives no estimate")
    assert page.headline[1:] == tuple(finding.sentence for finding in told("paired difference"))
    assert "McNemar" in " ".join(methods(page.summary, has_claims=False))
    assert "mcnemar1947correlated" in "".join(page.bibliography)


def test_several_seeds_are_compared_over_seeds_only() -> None:
    for seed in (0, 1):
        run(range(seed, 5000 + seed), seed=seed)
    run(range(4400), batch_size=32)
    assert told("paired difference", "no paired difference") == []


def test_a_seed_that_diverged_leaves_no_single_run() -> None:
    run(range(5000))
    write_run(RUNS, spec(seed=1, train={"epochs": 4}), None, error=DIVERGED)
    run(range(4400), batch_size=32)
    assert told("paired difference", "no paired difference") == []


def test_other_images_are_not_compared() -> None:
    run(range(5000), model="swin")
    run(range(4400), model="mlp-mixer", images="7a" * 32)
    assert told("paired difference", "no paired difference") == []


def test_older_records_are_not_compared() -> None:
    run(range(5000))
    write_run(RUNS, spec(train={"epochs": 4, "batch_size": 32}), 0.44)
    assert told("paired difference", "no paired difference") == []


def test_several_seeds_with_known_answers_are_compared_on_new_images() -> None:
    for seed in (0, 1, 2):
        run(range(seed, 5000 + seed), seed=seed)
        run(range(seed, 4400 + seed), seed=seed, batch_size=32)
    (ablation,) = summary().ablations
    (difference,) = [level.difference for level in ablation.levels if level.difference]
    assert (difference.method, difference.is_shown, difference.n) == ("crossed", True, 3)
    assert {level.accuracy.method for level in ablation.levels if level.accuracy} == {"crossed"}
    assert "owen2012bootstrapping" in "".join(make_page(summary()).bibliography)
