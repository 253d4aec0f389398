"""What would show a difference of one percentage point, and whether it does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.intervals import Population, excludes
from tests.analysis.summaries import RUNS, summary
from tests.records import spec, write_run, write_seeds
from tests.report.pictured import add_correct
from tests.spec.composing import composed
from vitreport.analysis.conclusion import conclusion
from vitreport.analysis.findings import findings
from vitreport.analysis.power import (
    ASSUMED,
    ASSUMPTION,
    MANY,
    TWO_SEEDS,
    WANTED,
    Spread,
    ToSettle,
    foreseen,
    needed,
    smallest_difference,
    spread_of,
)
from vitreport.intervals import Sample, detectable_difference, difference, image_parts
from vitreport.records.folders import run_folders
from vitreport.records.reader import read_run
from vitreport.spec.run import TrainSpec
from vitreport.sweep.plan import Plan, Trial

SPREADS = st.builds(Spread, st.floats(1e-7, 1e-3), st.floats(0.001, 0.2), st.floats(0.005, 0.2))
"""Images vary enough for a variance above its least value, at which the degrees of freedom become fewer."""


@given(SPREADS, st.integers(3, 50), st.integers(200, 20_000), st.integers(1, 9))
def test_more_seeds_show_smaller_differences_and_more_comparisons_larger_ones(
    spread: Spread, seeds: int, images: int, comparisons: int
) -> None:
    """Apart from a thousandth: the degrees of freedom may decrease a little."""
    found = smallest_difference(spread, seeds, images, comparisons)
    assert smallest_difference(spread, seeds + 1, images, comparisons) <= 1.001 * found
    assert smallest_difference(spread, seeds, images, comparisons + 1) >= found


@given(SPREADS, st.integers(200, 10_000), st.integers(2, 20))
def test_with_many_seeds_more_images_show_smaller_differences(spread: Spread, images: int, factor: int) -> None:
    """With few, the interval has fewer degrees of freedom where the images add less to it."""
    assert smallest_difference(spread, MANY, factor * images) <= smallest_difference(spread, MANY, images)


@given(SPREADS, st.sampled_from([0, 360, 2000, 10_000]), st.integers(1, 9))
def test_what_is_needed_is_enough_and_one_seed_less_is_not(spread: Spread, images: int, comparisons: int) -> None:
    seeds, more = needed(spread, images, comparisons)
    assert more == images or smallest_difference(spread, MANY, images, comparisons) > WANTED
    if seeds < 100:  # larger numbers are rounded
        assert smallest_difference(spread, seeds, more, comparisons) <= WANTED
        assert seeds == 2 or smallest_difference(spread, seeds - 1, more, comparisons) > WANTED


def test_with_a_power_of_one_half_it_is_half_of_the_interval() -> None:
    first, second = Population([0.9, 0.9], 3, 400, 1.0).draw(np.random.default_rng(1))
    found = difference(first, second, 3)
    parts = [(each.variance / 3, 2) for each in (first, second)] + image_parts([(1.0, first), (-1.0, second)])
    assert found
    assert found.reach == pytest.approx(detectable_difference(parts, 1 / 400**2, 3, 3))
    assert detectable_difference(parts, 0.0, 3, 3, 0.8) > found.reach


@pytest.mark.parametrize(("images", "deviation"), [(10_000, 1.0), (360, 0.5)])
def test_the_promise_comes_true(images: int, deviation: float) -> None:
    """Where the variances are known well, a true difference of 1 pp is shown in about 80% of new experiments."""
    truth = [0.9, 0.91]
    generator = np.random.default_rng(2)
    spread, _ = spread_of(Population(truth, 60, 10_000, deviation).draw(generator))
    seeds, images = needed(spread, images)
    new = Population(truth, seeds, images, deviation)
    drawn = (new.draw(generator) for _ in range(100))
    shown = sum(excludes(difference(first, second), 0.0) for first, second in drawn)
    assert shown / 100 == pytest.approx(0.8, abs=0.12)


def test_where_images_limit_more_images_are_asked_for() -> None:
    seeds, images = needed(ASSUMED, 360)
    assert images > 360
    assert smallest_difference(ASSUMED, seeds, images) <= WANTED < smallest_difference(ASSUMED, MANY, 360)


def test_without_answers_the_spread_is_that_of_the_seeds() -> None:
    samples = Sample((0.5, 0.52)), Sample((0.4, 0.44))
    spread, images = spread_of(samples)
    assert spread == pytest.approx(Spread((0.0002 + 0.0008) / 2, 0.0, 0.0))
    assert images == 0


@pytest.mark.parametrize(
    ("settle", "expected"),
    [
        (TWO_SEEDS, "at least two seeds per value are needed to show a difference"),
        (ToSettle(3, 360, 7, 360), "about 7 seeds per value (now 3) are needed to show a difference of 1 pp"),
        (
            ToSettle(3, 0, 7, 0),
            "about 7 seeds per value (now 3) are needed to show a difference of 1 pp on these test images",
        ),
        (
            ToSettle(3, 360, 8, 2400),
            "about 8 seeds per value (now 3) and 2,400 test images (now 360) are needed to show a difference of 1 pp",
        ),
        (
            ToSettle(2, 360, 8, 2400),
            "two seeds per value are too few to estimate how many would show a difference of 1 pp",
        ),
        (ToSettle(5, 9000, 3, 9000), "5 seeds per value can show a difference of 1 pp; the true one may be smaller"),
    ],
)
def test_each_case_is_one_short_sentence(settle: ToSettle, expected: str) -> None:
    assert settle.in_words("value") == expected
    assert len(expected.split()) <= 25


def told() -> list[str]:
    return [finding.sentence for finding in findings(summary()) if finding.rule == "to settle"]


def test_an_ablation_says_what_would_settle_its_open_differences() -> None:
    write_seeds(RUNS, [0.55, 0.56, 0.57], train={"batch_size": 128})
    write_seeds(RUNS, [0.54, 0.56, 0.575], train={"batch_size": 64})
    write_seeds(RUNS, [0.3, 0.31, 0.32], train={"batch_size": 32})
    (ablation,) = summary().ablations
    assert ablation.to_settle
    assert (ablation.to_settle.now_seeds, ablation.to_settle.now_images) == (3, 0)
    seeds = ablation.to_settle.seeds
    needed = f"About {seeds} seeds per value of batch_size (now 3) are needed"
    sentence = f"{needed} to show a difference of 1 pp on these test images."
    assert told() == [sentence]
    assert conclusion(findings(summary()))["What would be needed"] == [
        f"Perceiver IO on CIFAR-10 by batch_size: {sentence}"
    ]


def test_nothing_is_to_settle_where_all_differences_are_shown() -> None:
    write_seeds(RUNS, [0.55, 0.56, 0.57])
    write_seeds(RUNS, [0.3, 0.31, 0.32], train={"batch_size": 32})
    write_seeds(RUNS, [0.1, 0.11, 0.12], model="swin")
    assert told() == []


def test_architectures_are_settled_too_and_single_runs_need_a_second_seed() -> None:
    write_seeds(RUNS, [0.55])
    write_seeds(RUNS, [0.56], model="swin")
    assert told() == ["On CIFAR-10, at least two seeds per architecture are needed to show a difference."]
    write_seeds(RUNS, [0.56, 0.57, 0.58], model="tnt")
    write_seeds(RUNS, [0.57, 0.575, 0.58], model="mlp-mixer")
    (sentence,) = told()
    assert sentence.startswith("On CIFAR-10, about ")
    assert "seeds per architecture (now 3) are needed to show a difference of 1 pp" in sentence


def planned(seeds: int, *sizes: int) -> Plan:
    trials = [
        Trial((str(size),), spec(seed=seed, train={"batch_size": size})) for seed in range(seeds) for size in sizes
    ]
    return Plan("mine", (), (str(sizes[0]),), tuple(trials))


def test_a_plan_says_what_it_can_show_before_anything_is_on_record() -> None:
    found, sentence = foreseen(planned(3, 32, 64), [])
    assert found == smallest_difference(ASSUMED, 3, 10_000)
    assert sentence == (
        f"3 seeds per value and 10,000 test images can show a difference of {100 * found:.1f} pp (with a power of "
        "80%), assuming that seeds vary by 0.5 pp and two values classify 10% of the images differently"
    )
    assert foreseen(planned(1, 32, 64), [])[1].startswith("one seed per value cannot show a difference")
    assert foreseen(planned(3, 32), []) == (None, "")


def test_a_plan_expects_nothing_of_an_architecture_with_the_same_beginning() -> None:
    generator = np.random.default_rng(5)
    name = "vit_small_patch16_224.augreg_in21k"
    own, other = (
        composed({"model": {"name": "timm", "architecture": each}, "data": {"dataset": "cifar10"}}).spec
        for each in (name, f"{name}_ft_in1k")
    )
    for seed in range(2):
        folder = write_run(RUNS, other.model_copy(update={"seed": seed}), 0.5)
        add_correct(folder, (generator.permutation(10_000) < 5000).tolist())
    trials = [
        Trial((str(size),), own.model_copy(update={"seed": seed, "train": TrainSpec(batch_size=size)}))
        for seed in range(3)
        for size in (32, 64)
    ]
    plan = Plan("mine", (), ("32",), tuple(trials))
    assert foreseen(plan, [read_run(folder) for folder in run_folders(RUNS)])[1].endswith(ASSUMPTION)


def test_a_plan_names_the_groups_on_record_whose_seeds_it_expects_to_vary_alike() -> None:
    generator = np.random.default_rng(5)
    for seed in range(3):
        folder = write_run(RUNS, spec(seed=seed), 0.5)
        add_correct(folder, (generator.permutation(10_000) < 5000).tolist())
    write_seeds(RUNS, [0.5, 0.6], model="swin")
    found, sentence = foreseen(planned(3, 32, 64), [read_run(folder) for folder in run_folders(RUNS)])
    assert sentence.endswith(f"if seeds vary as much as those of {spec().group}")
    assert found != smallest_difference(ASSUMED, 3, 10_000)
