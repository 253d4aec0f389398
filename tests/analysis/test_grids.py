"""Main effects and interactions of two varied fields."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.analysis.designs import design
from tests.analysis.summaries import RUNS, summary
from tests.records import DIVERGED, IMAGES, spec, write_run
from tests.report.pictured import add_correct
from vitreport.analysis.findings import ablation_findings
from vitreport.analysis.summarize import Outline
from vitreport.analysis.summary import Ablation
from vitreport.report import grids, tables

SIZES, RATES = (16, 32, 64), (0.1, 0.01)
FIELDS = {"batch_size": SIZES, "learning_rate": RATES}
ADDED = {16: 0.0, 32: 0.02, 64: 0.10, 0.01: 0.0, 0.1: 0.06}
Answers = NDArray[np.bool_]


def answers(*, extra: float = 0.0, scale: float = 1.0, seeds: int = 3) -> dict[tuple[int, float], Answers]:
    """Of each combination, a row a seed: accuracies that add up but for the `extra` of (64, 0.1)."""
    generator = np.random.default_rng(1)
    difficulty, found = generator.random(IMAGES["test"]), {}
    for size, rate in product(SIZES, RATES):
        share = 0.5 + scale * (ADDED[size] + ADDED[rate]) + (extra if (size, rate) == (64, 0.1) else 0.0)
        noise = generator.normal(scale=0.02, size=(seeds, len(difficulty)))
        found[size, rate] = np.array([_in_tens(row) for row in difficulty + noise < share])
    return found


def _in_tens(row: Answers) -> Answers:
    """As many right answers as ten classes of one size can have alike."""
    (right,) = np.nonzero(row)
    return row & ~np.isin(np.arange(len(row)), right[: len(right) % 10])


def written(
    found: dict[tuple[int, float], Answers],
    axes: Sequence[str] = ("batch_size", "learning_rate"),
    baseline: dict[str, float] | None = None,
    diverged: tuple[int, float] | None = None,
    missing: tuple[int, float] | None = None,
    older: tuple[int, float] | None = None,
) -> Ablation:
    """The ablation of such runs, analyzed.

    `diverged` has one diverged seed, `missing` has none that was run, `older` does not say which images were correct.
    """
    trials = []
    for (size, rate), table in found.items():
        values = {"batch_size": size, "learning_rate": rate}
        for seed, row in enumerate(table):
            own = spec(seed=seed, train={"batch_size": size, "epochs": 2}, optimizer={"learning_rate": rate})
            trials.append((tuple(str(values[axis]) for axis in axes), own.run_id))
            if (size, rate) == missing or (RUNS / own.run_id).exists():
                continue
            if (size, rate) == diverged and seed == 1:
                write_run(RUNS, own, None, error=DIVERGED)
                continue
            folder = write_run(RUNS, own, float(row.mean()))
            if (size, rate) != older:
                add_correct(folder, row.tolist())
    labels = None if baseline is None else tuple(str(baseline[axis]) for axis in axes)
    (ablation,) = summary(Outline(sweeps=(design(axes, trials, labels),))).ablations
    return ablation


def sentences(ablation: Ablation) -> list[str]:
    return [each.sentence for each in ablation_findings(ablation)]


def test_main_effects_are_differences_of_averages() -> None:
    found = answers(extra=0.05)
    ablation = written(found, baseline={"batch_size": 32, "learning_rate": 0.01})
    means = {key: table.mean() for key, table in found.items()}
    of_size = {size: np.mean([means[size, rate] for rate in RATES]) for size in SIZES}
    of_rate = {rate: np.mean([means[size, rate] for size in SIZES]) for rate in RATES}
    expected: list[tuple[str, float, float, float]]
    expected = [("batch_size", size, of_size[size], of_size[32]) for size in SIZES]
    expected += [("learning_rate", rate, of_rate[rate], of_rate[0.01]) for rate in sorted(RATES)]
    assert [(each.axis, each.level) for each in ablation.effects] == [
        (axis, str(value)) for axis, value, *_ in expected
    ]
    for effect, (_, value, accuracy, reference) in zip(ablation.effects, expected, strict=True):
        assert effect.accuracy == pytest.approx(accuracy)
        assert (effect.difference is None) == (value in (32, 0.01))
        if effect.difference:
            assert effect.difference.value == pytest.approx(accuracy - reference)
            assert (effect.difference.comparisons, effect.difference.method) == (3, "crossed")


def test_an_interaction_is_what_the_main_effects_do_not_explain() -> None:
    found = answers(extra=0.05)
    ablation = written(found, baseline={"batch_size": 32, "learning_rate": 0.01})
    means = {key: table.mean() for key, table in found.items()}
    assert [each.levels for each in ablation.interactions] == [("16", "0.1"), ("64", "0.1")]
    for size, interaction in zip((16, 64), ablation.interactions, strict=True):
        expected = (means[size, 0.1] - means[size, 0.01]) - (means[32, 0.1] - means[32, 0.01])
        assert interaction.difference.value == pytest.approx(expected)
        assert interaction.difference.comparisons == 2
    assert [each.difference.is_shown for each in ablation.interactions] == [False, True]
    (sentence,) = [each for each in sentences(ablation) if "depends" in each]
    change = "the change from 0.01 to 0.1 is 4.5 pp (95% CI 3.7 to 5.3) higher at 64 than at 32"
    assert sentence == f"The effect of learning_rate depends on batch_size: {change}."


def test_what_adds_up_shows_main_effects_and_no_interaction() -> None:
    ablation = written(answers(), baseline={"batch_size": 16, "learning_rate": 0.01})
    said = sentences(ablation)
    assert said[0].startswith("Averaged over learning_rate, batch_size 32 is 2.")
    assert said[2].startswith("Averaged over batch_size, learning_rate 0.1 is 6.")
    assert said[2].endswith(" above 0.01.")
    bound = max(abs(end) for each in ablation.interactions for end in each.difference.interval or ())
    assert f"No interaction of batch_size and learning_rate is shown; it could be up to {100 * bound:.1f} pp." in said
    assert not [each for each in said if each.startswith("batch_size")]


def test_what_is_not_shown_is_listed_by_field() -> None:
    said = sentences(written(answers(scale=0.0), baseline={"batch_size": 16, "learning_rate": 0.01}))
    assert said[0] == "No main effect is shown for batch_size 32, 64 and learning_rate 0.1."


def test_another_order_of_the_fields_gives_the_same() -> None:
    found, baseline = answers(extra=0.05), {"batch_size": 32, "learning_rate": 0.01}
    one, other = (written(found, axes, baseline) for axes in (tuple(FIELDS), tuple(reversed(FIELDS))))
    effects = [{(each.axis, each.level): each for each in ablation.effects} for ablation in (one, other)]
    interactions = [
        {frozenset(each.levels): each.difference for each in ablation.interactions} for ablation in (one, other)
    ]
    assert effects[0].keys() == effects[1].keys()
    assert interactions[0].keys() == interactions[1].keys()
    pairs = [(effects[0][key].difference, effects[1][key].difference) for key in effects[0]]
    pairs += [(interactions[0][key], interactions[1][key]) for key in interactions[0]]
    for first, second in pairs:
        assert (first is None) == (second is None)
        if first and second:
            assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))


def test_without_a_baseline_the_first_values_are_the_reference() -> None:
    ablation = written(answers())
    assert [(each.axis, each.level) for each in ablation.effects if each.difference is None] == [
        ("batch_size", "16"),
        ("learning_rate", "0.01"),
    ]
    assert [each.levels for each in ablation.interactions] == [("32", "0.1"), ("64", "0.1")]
    assert all(level.difference is None for level in ablation.levels)


@pytest.mark.parametrize("lacking", ["diverged", "missing"])
def test_main_effects_need_every_combination(lacking: str) -> None:
    baseline = {"batch_size": 16, "learning_rate": 0.01}
    ablation = written(answers(), baseline=baseline, **{lacking: (64, 0.1)})  # type: ignore[arg-type]
    assert ablation.is_grid
    assert (ablation.effects, ablation.interactions) == ((), ())
    said = sentences(ablation)
    combinations = "at least two seeds of every combination of batch_size and learning_rate"
    assert f"Main effects and interactions need {combinations}, none of them diverged." in said
    assert (
        "Combinations above batch_size 16, learning_rate 0.01: (16, 0.1), (32, 0.01), (32, 0.1) and (64, 0.01)." in said
    )
    assert not [each for each in said if each.startswith(("batch_size", "Combinations below"))]


def test_single_seeds_have_no_effects_and_two_are_asked_for() -> None:
    ablation = written(answers(seeds=1), baseline={"batch_size": 16, "learning_rate": 0.01})
    assert ablation.effects == ()
    assert [each for each in sentences(ablation) if "seeds" in each and "McNemar" not in each] == [
        "At least two seeds per combination of batch_size and learning_rate are needed to show a difference."
    ]


def test_variants_and_three_fields_are_no_grid() -> None:
    runs = [write_run(RUNS, spec(train={"batch_size": 16, "epochs": epochs})).name for epochs in (2, 3, 4, 5)]
    values = list(product(("16", "32"), ("weak", "strong")))
    variants = design(("batch_size", "regularization"), list(zip(values, runs, strict=True)))
    three = [(each, run) for each, run in zip(product(("16", "32"), ("2", "3"), ("0.1",)), runs, strict=True)]
    for sweep in (variants, design(("batch_size", "epochs", "learning_rate"), three)):
        (ablation,) = summary(Outline(sweeps=(sweep,))).ablations
        assert not ablation.is_grid


def test_accuracies_on_several_datasets_have_no_difference() -> None:
    """As little as two groups that `runs diff` compares, whichever differs: the name or its images."""
    others = {"stl10": spec(data={"dataset": "stl10", "image_size": 32}), "cifar10": spec()}
    runs = [
        ((name,), write_run(RUNS, own.model_copy(update={"seed": seed}), 0.5 + seed / 10).name)
        for name, own in others.items()
        for seed in (0, 1)
    ]
    (ablation,) = summary(Outline(sweeps=(design(("dataset",), runs, ("cifar10",)),))).ablations
    assert [level.difference for level in ablation.levels] == [None, None]
    words = (
        "No difference from dataset cifar10 is claimed for stl10: accuracies on different images cannot be compared."
    )
    assert sentences(ablation) == [words]


def test_seeds_with_equal_values_are_named_instead_of_effects() -> None:
    """Old records have no answers by image: where no seed differs from another, nothing can be claimed."""
    trials = []
    for (size, rate), seed in product(product((16, 32), RATES), (0, 1)):
        own = spec(seed=seed, train={"batch_size": size, "epochs": 2}, optimizer={"learning_rate": rate})
        write_run(RUNS, own, 0.9 if (size, rate) == (32, 0.1) else 0.5)
        trials.append(((str(size), str(rate)), own.run_id))
    sweep = design(("batch_size", "learning_rate"), trials, ("16", "0.01"))
    (ablation,) = summary(Outline(sweeps=(sweep,))).ablations
    assert ablation.effects == ()
    (said,) = [each for each in sentences(ablation) if "is claimed for" in each]
    assert "(32, 0.1)" in said
    assert not [each for each in sentences(ablation) if "at least two seeds of every" in each]


def test_accuracies_on_several_datasets_are_not_averaged() -> None:
    runs = {}
    for name, rate in product(("cifar10", "cifar100"), RATES):
        own = spec(data={"dataset": name}, optimizer={"learning_rate": rate})
        runs[name, str(rate)] = write_run(RUNS, own).name
    (ablation,) = summary(Outline(sweeps=(design(("dataset", "learning_rate"), list(runs.items())),))).ablations
    assert not ablation.is_grid


def test_a_diverged_seed_is_named_beside_the_others() -> None:
    ablation = written(answers(), baseline={"batch_size": 16, "learning_rate": 0.01}, diverged=(64, 0.1))
    cells = [cell for row in tables.ablation(ablation).rows for cell in row]
    assert len([cell for cell in cells if cell.endswith("; 1 of 3 seeds diverged")]) == 1


def test_all_numbers_of_seeds_are_said() -> None:
    found = answers(extra=0.05)
    ablation = written({**found, (64, 0.1): found[64, 0.1][:2]}, baseline={"batch_size": 16, "learning_rate": 0.01})
    notes = [content(ablation).note for content in (grids.grid, grids.effects, grids.interactions)]
    assert [note.partition(": ")[0] for note in notes] == ["95% confidence intervals (2 or 3 seeds each)"] * 3


def test_a_combination_of_older_records_is_named() -> None:
    ablation = written(answers(), baseline={"batch_size": 16, "learning_rate": 0.01}, older=(64, 0.1))
    methods = [each.difference.method for each in ablation.effects if each.difference]
    assert methods == ["crossed", "welch", "welch"]
    reason = "The records of (64, 0.1) do not say which images were correct"
    for content in (grids.grid, grids.effects, grids.interactions, tables.ablation):
        assert f"{reason}. All intervals that use them cover new training runs only." in content(ablation).note


def test_what_would_show_single_combinations_is_not_said_of_main_effects() -> None:
    ablation = written(answers(scale=0.0), baseline={"batch_size": 16, "learning_rate": 0.01})
    assert ablation.to_settle
    assert [each.rule for each in ablation_findings(ablation)] == ["no main effect", "no interaction"]


@pytest.mark.parametrize(("lacking", "reason"), [("diverged", "1 of 3 seeds diverged"), ("missing", "not run")])
def test_a_baseline_without_a_result_is_said(lacking: str, reason: str) -> None:
    ablation = written(answers(), baseline={"batch_size": 16, "learning_rate": 0.01}, **{lacking: (16, 0.01)})  # type: ignore[arg-type]
    baseline = "the baseline batch_size 16, learning_rate 0.01"
    assert f"No level is compared with {baseline} ({reason})." in sentences(ablation)
