"""Cases in which a report once said something wrong, or nothing."""

import json
from pathlib import Path

import pytest

from tests.records import spec, write_run, write_seeds
from tests.report.pictured import add_correct
from vitreport.analysis.claims import Claim, judge
from vitreport.analysis.comparisons import to_settle
from vitreport.analysis.findings import findings
from vitreport.analysis.summarize import summarize
from vitreport.records.folders import run_folders

RUNS = Path("runs")
COUNT = 10_000


def told(rule: str) -> list[str]:
    return [finding.sentence for finding in findings(summarize(run_folders(RUNS))) if finding.rule == rule]


def write_answers(model: str, right: range, seeds: int = 3) -> None:
    """Seeds that have the same test images right."""
    for seed in range(seeds):
        folder = write_run(RUNS, spec(model, seed=seed), len(right) / COUNT)
        add_correct(folder, [place in right for place in range(COUNT)])


def test_identical_seeds_with_known_answers_are_compared() -> None:
    write_answers("perceiver-io", range(9000))
    write_answers("swin", range(1000))
    (sentence,) = told("best")
    assert "Perceiver IO is best with 90.0%, 80.0 pp (95% CI " in sentence


def test_a_gap_of_identical_seeds_is_told() -> None:
    for seed in range(3):
        write_run(RUNS, spec(seed=seed), 0.7, train_accuracy=1.0)
    assert told("large gap") == ["A generalization gap above 5 pp is shown for Perceiver IO."]


def test_a_loss_that_hardly_decreases_has_not_converged() -> None:
    folder = write_run(RUNS, spec(train={"epochs": 4}), 0.5)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line, loss in zip(lines, (2.300, 2.296, 2.292, 2.289), strict=True):
        line["splits"]["train"]["loss"] = loss
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert told("convergence") == []


def test_a_sixth_seed_removes_no_finding() -> None:
    accuracies = [0.560, 0.561, 0.562, 0.563, 0.564, 0.562]
    for seeds in (5, 6):
        for model, distance in (("perceiver-io", 0.0), ("swin", 0.01)):
            for seed, accuracy in enumerate(accuracies[:seeds]):
                if not (RUNS / spec(model, seed=seed).run_id).exists():
                    write_run(RUNS, spec(model, seed=seed), accuracy - distance)
        assert len(told("best")) == 1


@pytest.mark.parametrize(("published", "outcome"), [(0.563, "reproduced"), (0.60, "below")])
def test_a_published_figure_is_judged_by_the_images_too(published: float, outcome: str) -> None:
    """Three seeds that agree to 0.02 points have each other images right."""
    for seed in range(3):
        folder = write_run(RUNS, spec(seed=seed), 0.56)
        start = 100 * seed
        add_correct(folder, [start <= place < start + 5600 for place in range(COUNT)])
    summary = summarize(run_folders(RUNS))
    claim = Claim("it reaches that", "so", "a paper", spec().group, value=published)
    (verdict,) = judge([claim], summary.groups, summary.datasets)
    assert verdict.outcome == outcome


def test_equal_seeds_without_answers_claim_nothing() -> None:
    write_seeds(RUNS, [0.9, 0.9])
    write_seeds(RUNS, [0.1, 0.1], model="swin")
    assert told("best") == []


def test_what_settles_several_comparisons_is_enough_for_each() -> None:
    """One of them needs more images, the other more seeds."""
    write_answers("perceiver-io", range(5000))
    write_answers("swin", range(2500, 7490))
    for seed, right in enumerate((4900, 5000, 5100)):
        folder = write_run(RUNS, spec("tnt", seed=seed), right / COUNT)
        add_correct(folder, [place < right for place in range(COUNT)])
    groups = {group.architecture: group for group in summarize(run_folders(RUNS)).groups}
    baseline, *others = (groups[name] for name in ("perceiver-io", "swin", "tnt"))
    images, seeds = (to_settle(baseline, [other]) for other in others)
    assert images
    assert seeds
    assert (images.images > seeds.images, seeds.seeds > images.seeds) == (True, True)
    found = to_settle(baseline, others)
    assert found
    assert (found.images, found.seeds) == (images.images, seeds.seeds)
