"""Published claims against groups of given accuracies: every verdict."""

from pathlib import Path

import pytest

from tests.records import DIVERGED, spec, write_run, write_seeds
from vitreport.report.claims import Claim, Verdict, judge
from vitreport.report.summarize import summarize
from vitreport.store.folders import run_folders

RUNS = Path("runs")
GROUP = spec().run_id.removesuffix("-s0")
OTHER = spec(train={"batch_size": 32}).run_id.removesuffix("-s0")


def verdict(claim: Claim) -> Verdict:
    (found,) = judge([claim], summarize(run_folders(RUNS)).groups)
    return found


def value(published: float, **told: object) -> Claim:
    return Claim("it reaches that", "a paper", GROUP, value=published, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accuracies", "published", "expected"),
    [
        ([0.56, 0.561, 0.562], 0.561, "reproduced"),
        ([0.56, 0.561, 0.562], 0.5, "above"),
        ([0.56, 0.561, 0.562], 0.6, "below"),
        ([0.5, 0.56, 0.62], 0.57, "within interval"),
        ([0.56], 0.561, "within interval"),
        ([0.56], 0.6, "below"),
    ],
)
def test_a_value_is_judged_by_the_interval(accuracies: list[float], published: float, expected: str) -> None:
    write_seeds(RUNS, accuracies)
    found = verdict(value(published))
    assert (found.outcome, found.contradicts) == (expected, len(accuracies) > 1 and expected in ("above", "below"))
    assert "56" in found.reason


def test_what_was_not_run_names_the_command() -> None:
    found = verdict(value(0.5, command="vitreport train perceiver-io"))
    assert (found.outcome, found.reason) == ("not run", "there is no run of it")
    assert found.claim.command == "vitreport train perceiver-io"


def test_what_diverged_has_not_been_measured() -> None:
    write_run(RUNS, spec(), None, error=DIVERGED)
    assert verdict(value(0.5)).reason == "its runs have no such result: diverged"


def test_a_claim_that_rests_on_a_fault_is_not_comparable() -> None:
    write_seeds(RUNS, [0.56, 0.561])
    found = verdict(value(0.5, not_comparable="dropout was off after the first epoch"))
    told = "dropout was off after the first epoch; here 56.0% ± 0.6 (n = 2)"
    assert (found.outcome, found.reason, found.contradicts) == ("not comparable", told, False)


def test_the_best_over_epochs_is_compared_with_the_same() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562], train={"monitor_test": True})
    group = spec(train={"monitor_test": True}).run_id.removesuffix("-s0")
    claim = Claim("it reaches that", "a paper", group, value=0.9, best_over_epochs=True)
    assert "best over epochs" in verdict(claim).reason


@pytest.mark.parametrize(
    ("accuracies", "others", "relation", "expected"),
    [
        ([0.56, 0.561, 0.562], [0.5, 0.501, 0.502], "above", "reproduced"),
        ([0.5, 0.501, 0.502], [0.56, 0.561, 0.562], "above", "below"),
        ([0.5, 0.56, 0.62], [0.55, 0.56, 0.57], "above", "within interval"),
        ([0.56, 0.561, 0.562], [0.5, 0.501, 0.502], "like", "above"),
        ([0.56, 0.561, 0.562], [0.561, 0.5615, 0.5605], "like", "reproduced"),
        ([0.5, 0.56, 0.62], [0.55, 0.56, 0.57], "like", "within interval"),
        ([0.56], [0.5, 0.501], "above", "not comparable"),
    ],
)
def test_a_comparison_is_judged_by_the_difference(
    accuracies: list[float], others: list[float], relation: str, expected: str
) -> None:
    write_seeds(RUNS, accuracies)
    write_seeds(RUNS, others, train={"batch_size": 32})
    claim = Claim("one is so beside the other", "a paper", GROUP, relation=relation, other=OTHER)  # type: ignore[arg-type]
    assert verdict(claim).outcome == expected
