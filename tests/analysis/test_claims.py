"""Published claims against groups of given accuracies: every verdict."""

import re
from pathlib import Path

import pytest

from tests.records import DIVERGED, data_record, spec, write_run, write_seeds
from vitreport.analysis.claims import Claim, Verdict, judge
from vitreport.analysis.summarize import summarize
from vitreport.records.folders import run_folders

RUNS = Path("runs")
GROUP = spec().run_id.removesuffix("-s0")
OTHER = spec(train={"batch_size": 32}).run_id.removesuffix("-s0")


def verdict(claim: Claim) -> Verdict:
    summary = summarize(run_folders(RUNS))
    (found,) = judge([claim], summary.groups, summary.datasets)
    return found


def value(published: float, **told: object) -> Claim:
    return Claim("it reaches that", "so", "a paper", GROUP, value=published, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accuracies", "published", "expected"),
    [
        ([0.56, 0.561, 0.562], 0.561, "reproduced"),
        ([0.56, 0.561, 0.562], 0.5, "above"),
        ([0.56, 0.561, 0.562], 0.6, "below"),
        ([0.5, 0.56, 0.62], 0.57, "undecided"),
    ],
)
def test_a_value_is_judged_by_the_interval(accuracies: list[float], published: float, expected: str) -> None:
    write_seeds(RUNS, accuracies)
    found = verdict(value(published))
    assert (found.outcome, found.contradicts) == (expected, expected in ("above", "below"))
    inside = "within" if expected in ("reproduced", "undecided") else "outside"
    assert found.reason.startswith(f"the published value is {inside} the 95% prediction interval, ")
    assert found.difference
    assert found.difference.value == pytest.approx(found.measured.value - published if found.measured else None)


def test_an_exact_replication_is_no_contradiction() -> None:
    """A published single run among five of the same spread, outside of the interval of their mean."""
    write_seeds(RUNS, [0.560, 0.561, 0.562, 0.563, 0.564])
    assert verdict(value(0.565)).outcome == "reproduced"
    assert verdict(value(0.565)).reason.endswith("within the 95% prediction interval, 55.71% to 56.69%")
    assert verdict(value(0.58)).outcome == "below"


def test_half_of_the_last_published_digit_is_allowed() -> None:
    write_seeds(RUNS, [0.560, 0.561, 0.562, 0.563, 0.564])
    assert [verdict(value(0.57, digits=digits)).outcome for digits in (0, 1, 2)] == ["reproduced", "below", "below"]


def test_seeds_that_do_not_vary_give_no_verdict() -> None:
    write_seeds(RUNS, [0.56, 0.56, 0.56])
    found = verdict(value(0.561))
    assert (found.outcome, found.reason) == (
        "not comparable",
        "seeds with equal values give no estimate of the variation between seeds",
    )


@pytest.mark.parametrize("published", [0.56, 0.57, 0.9])
def test_a_single_seed_gives_no_verdict(published: float) -> None:
    """The images tell nothing of the spread between seeds: even an exact replication is outside of their interval."""
    write_seeds(RUNS, [0.56])
    found = verdict(value(published))
    assert (found.outcome, found.contradicts, found.measured and found.measured.value) == (
        "not comparable",
        False,
        0.56,
    )
    assert found.reason == "one seed gives no estimate of the variation between seeds"


@pytest.mark.parametrize("seeds", [[0.5, 0.502, 0.504], [0.508, 0.509, 0.508], [0.4967, 0.5017, 0.5022]])
@pytest.mark.parametrize("digits", [0, 1, 2, 4])
def test_no_reason_contradicts_itself_by_rounding(seeds: list[float], digits: int) -> None:
    write_seeds(RUNS, seeds)
    groups = summarize(run_folders(RUNS)).groups
    published = {round(each / 10_000, digits + 2) for each in range(4700, 5300)}
    for found in judge([value(each, digits=digits) for each in published], groups, []):
        low, high = map(float, re.findall(r"([\d.]+)%(?! prediction)", found.reason))
        told = round(100 * (found.claim.value or 0), digits)
        side = "above" if told < low else "below" if told > high else ""
        assert found.outcome in ([side] if side else ["reproduced", "undecided"])
        assert found.difference
        assert not side or (found.difference.value > 0) == (side == "above")


def test_what_is_left_of_seeds_that_diverged_gives_no_verdict() -> None:
    write_seeds(RUNS, [0.60, 0.61, 0.605])
    write_run(RUNS, spec(seed=3), None, error=DIVERGED)
    found = verdict(value(0.605))
    assert (found.outcome, found.reason) == ("not comparable", "1 of 4 seeds diverged")


def test_images_that_are_not_the_published_ones_give_no_verdict() -> None:
    changed = data_record(spec()).model_copy(update={"canonical": False})
    write_seeds(RUNS, [0.56, 0.565, 0.558], changes={"data": changed})
    found = verdict(value(0.7))
    assert found.reason == "the images are not the published ones"
    assert (found.outcome, found.contradicts) == ("not comparable", False)


def test_groups_on_other_images_of_one_name_are_not_compared() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562])
    write_seeds(RUNS, [0.5, 0.501, 0.502], train={"batch_size": 32}, images="7a" * 32)
    claim = Claim("one is above the other", "so", "a paper", GROUP, relation="above", others=(OTHER,))
    assert verdict(claim).reason.startswith("the two were measured on different images")
    write_seeds(RUNS, [0.5, 0.501], train={"batch_size": 32}, changes={"suffix": "-r2"})
    assert verdict(claim).outcome == "reproduced"


def test_a_seed_on_other_images_hides_no_group() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562])
    write_run(RUNS, spec(seed=3), 0.4, images="7a" * 32)
    found = verdict(value(0.561))
    assert (found.outcome, found.measured and found.measured.n) == ("reproduced", 3)


def test_what_was_not_run_names_the_command() -> None:
    found = verdict(value(0.5, command="vitreport train perceiver-io"))
    assert (found.outcome, found.reason) == ("not run", "no run yet")
    assert found.claim.command == "vitreport train perceiver-io"


def test_what_diverged_has_not_been_measured() -> None:
    write_run(RUNS, spec(), None, error=DIVERGED)
    assert verdict(value(0.5)).reason == "its runs have no result: diverged"


def test_a_claim_that_rests_on_a_fault_is_not_comparable() -> None:
    write_seeds(RUNS, [0.56, 0.561])
    found = verdict(value(0.5, faults=("dropout was off after the first epoch",)))
    told = "dropout was off after the first epoch"
    assert (found.outcome, found.reason, found.contradicts) == ("not comparable", told, False)
    assert found.measured
    assert found.claim.in_words(found.measured) == "56.0% (55.4 to 56.7, n = 2)"
    assert found.claim.in_words(found.measured, seeds=False) == "56.0% (55.4 to 56.7)"


def test_the_best_over_epochs_is_compared_with_the_same() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562], train={"monitor_test": True})
    group = spec(train={"monitor_test": True}).run_id.removesuffix("-s0")
    claim = Claim("it reaches that", "so", "a paper", group, value=0.9, metric="best_test_accuracy")
    found = summarize(run_folders(RUNS))
    (told,) = judge([claim], found.groups, found.datasets)
    assert "both epochs were chosen on the test images" in told.reason


@pytest.mark.parametrize(
    ("accuracies", "others", "relation", "expected"),
    [
        ([0.56, 0.561, 0.562], [0.5, 0.501, 0.502], "above", "reproduced"),
        ([0.5, 0.501, 0.502], [0.56, 0.561, 0.562], "above", "below"),
        ([0.5, 0.56, 0.62], [0.55, 0.56, 0.57], "above", "undecided"),
        ([0.56, 0.561, 0.562], [0.5, 0.501, 0.502], "like", "above"),
        ([0.56, 0.561, 0.562], [0.561, 0.5615, 0.5605], "like", "reproduced"),
        ([0.5, 0.56, 0.62], [0.55, 0.56, 0.57], "like", "undecided"),
        ([0.56], [0.5, 0.501], "above", "not comparable"),
    ],
)
def test_a_comparison_is_judged_by_the_difference(
    accuracies: list[float], others: list[float], relation: str, expected: str
) -> None:
    write_seeds(RUNS, accuracies)
    write_seeds(RUNS, others, train={"batch_size": 32})
    claim = Claim("one is so beside the other", "so", "a paper", GROUP, relation=relation, others=(OTHER,))  # type: ignore[arg-type]
    assert verdict(claim).outcome == expected
