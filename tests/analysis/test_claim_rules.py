"""Published statements in words: each verdict of each rule, and that a rule does not cry wolf."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import measurement, spec, write_run, write_seeds
from vitreport.analysis.claims import Claim, Verdict, judge
from vitreport.analysis.groups import Group
from vitreport.analysis.summarize import summarize
from vitreport.intervals import mean_proportion
from vitreport.records.folders import run_folders
from vitreport.records.measurement import EpochRecord
from vitreport.spec.run import RunSpec
from vitreport.spec.study import Relation

RUNS = Path("runs")
BATCHES = (16, 32, 64)
MONITORED = {"monitor_test": True, "epochs": 20}


def group_of(run_spec: RunSpec) -> str:
    return run_spec.run_id.removesuffix("-s0")


def verdict(relation: Relation, value: float, *groups: str) -> Verdict:
    summary = summarize(run_folders(RUNS))
    claim = Claim("it is so", "so", "a paper", groups[0], relation=relation, value=value, others=groups[1:])
    (found,) = judge([claim], summary.groups, summary.datasets)
    return found


def spread_of(samples: list[list[float]]) -> Verdict:
    """Three percentage points over three batch sizes."""
    for batch, accuracies in zip(BATCHES, samples, strict=True):
        write_seeds(RUNS, accuracies, train={"batch_size": batch})
    return verdict("spread_below", 0.03, *(group_of(spec(train={"batch_size": batch})) for batch in BATCHES))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([[0.56, 0.561, 0.562], [0.565, 0.566, 0.567], [0.57, 0.571, 0.572]], "reproduced"),
        ([[0.50, 0.501, 0.502], [0.56, 0.561, 0.562], [0.56, 0.561, 0.562]], "above"),
        ([[0.50, 0.53, 0.56], [0.56, 0.561, 0.562], [0.54, 0.55, 0.56]], "undecided"),
        ([[0.56, 0.561, 0.562], [0.565, 0.566, 0.567], [0.56]], "not comparable"),
        ([[0.56, 0.56], [0.57, 0.57], [0.57, 0.571]], "not comparable"),
    ],
)
def test_values_that_make_no_difference(samples: list[list[float]], expected: str) -> None:
    found = spread_of(samples)
    assert (found.outcome, found.contradicts) == (expected, expected == "above")
    if found.measured:
        assert found.reason.startswith("the largest of 3 differences; ")


def test_the_widest_pair_is_told() -> None:
    found = spread_of([[0.50, 0.501, 0.502], [0.56, 0.561, 0.562], [0.53, 0.531, 0.532]])
    assert found.measured
    assert found.claim.in_words(found.measured) == "+6.0 (+5.7 to +6.3) pp"
    assert found.difference is None


def test_no_interval_of_a_spread_ends_beyond_what_is_possible() -> None:
    measured = spread_of([[0.05, 0.95], [0.06, 0.9], [0.1, 0.3]]).measured
    assert measured
    assert (measured.low, measured.high) == (-1.0, 1.0)


def test_a_spread_that_waits_for_a_value_is_not_run() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562])
    other = group_of(spec(train={"batch_size": 16}))
    found = verdict("spread_below", 0.03, group_of(spec()), other)
    assert (found.outcome, found.reason) == ("not run", "no run yet")


def test_chance_alone_seldom_shows_a_spread() -> None:
    """Of five values of which the true means are 2.9 points apart at most, few samples are said to be above 3."""
    generator = random.Random(1)
    write_seeds(RUNS, [0.5, 0.6, 0.7])
    (group,) = summarize(run_folders(RUNS)).groups
    ids = [f"perceiver-io-cifar10-{number:08x}" for number in range(5)]
    claim = Claim("it is so", "so", "a paper", ids[0], relation="spread_below", value=0.03, others=tuple(ids[1:]))
    outcomes = []
    for _ in range(400):
        samples = zip(ids, (0.5, 0.5, 0.5, 0.5, 0.529), strict=True)
        outcomes += [each.outcome for each in judge([claim], [sampled(group, *one, generator) for one in samples], [])]
    assert 0 < outcomes.count("above") <= 20


def sampled(group: Group, group_id: str, mean: float, generator: random.Random) -> Group:
    measured = [measurement(10_000, generator.gauss(mean, 0.01), 1.0) for _ in group.runs]
    runs = (
        replace(run, id=f"{group_id}-s{run.seed}", splits={"test": each})
        for run, each in zip(group.runs, measured, strict=True)
    )
    return replace(group, runs=tuple(runs), test=mean_proportion([(each.correct, each.count) for each in measured]))


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ([0.20, 0.21, 0.22], "reproduced"),
        ([0.01, 0.011, 0.012], "below"),
        ([0.0, 0.05, 0.10], "undecided"),
        ([0.20], "not comparable"),
        ([0.20, 0.20], "reproduced"),
    ],
)
def test_over_fitting_is_the_gap_of_training_and_test_accuracy(gaps: list[float], expected: str) -> None:
    for seed, gap in enumerate(gaps):
        write_run(RUNS, spec(seed=seed), 0.5, train_accuracy=0.5 + gap)
    found = verdict("gap_above", 0.05, group_of(spec()))
    assert (found.outcome, found.contradicts) == (expected, expected == "below")
    if len(set(gaps)) > 1:
        assert found.reason.endswith(
            "within the range above 5 pp" if expected != "below" else "outside the range above 5 pp"
        )


def write_curve(seed: int, epoch: int) -> None:
    """Test accuracy rises in equal steps from 10% to 50% at this epoch, and stays."""
    folder = write_run(RUNS, spec(seed=seed, train=MONITORED), 0.5)
    lines = [EpochRecord.model_validate_json(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    told = []
    for line in lines:
        mean_proportion = min(1.0, (line.epoch - 1) / (epoch - 1))
        test = measurement(line.splits["test"].count, 0.1 + 0.4 * mean_proportion, line.splits["test"].loss)
        changed = line.model_copy(update={"splits": {**line.splits, "test": test}})
        told.append(json.dumps(changed.stored()))
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in told))


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        ([14, 15, 14], "reproduced"),
        ([5, 6, 5], "below"),
        ([20, 19, 20], "above"),
        ([8, 15, 19], "undecided"),
        ([15], "not comparable"),
        ([15, 15, 15], "not comparable"),
    ],
)
def test_about_an_epoch_is_a_fifth_to_each_side(epochs: list[int], expected: str) -> None:
    """Of 12 to 18; 95% of the rise is reached at the last step of the rise, up to 20 epochs."""
    for seed, epoch in enumerate(epochs):
        write_curve(seed, epoch)
    found = verdict("converged_at", 15, group_of(spec(train=MONITORED)))
    assert (found.outcome, found.contradicts) == (expected, expected in ("above", "below"))
    if len(set(epochs)) > 1:
        assert found.reason.endswith("epochs 12 to 18")
    assert found.measured
    assert found.claim.in_words(found.measured).startswith("epoch ")


def test_convergence_needs_the_test_curve() -> None:
    write_seeds(RUNS, [0.56, 0.561, 0.562])
    found = verdict("converged_at", 15, group_of(spec()))
    assert (found.outcome, found.claim.command) == ("not comparable", "")
    assert found.reason == "this needs a test curve that increases, see train.monitor_test"
