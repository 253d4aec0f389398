"""A short form of benchmarks/intervals.py: the intervals hold for new seeds and new images."""

import json
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.intervals import Population, coverage, excludes, planted
from vitreport.intervals import contrast

MEASURED = Path(__file__).parent.parent / "benchmarks" / "intervals.json"
REPETITIONS = 200


def test_intervals_hold_for_new_seeds_and_images_where_students_does_not() -> None:
    found = coverage(seeds=5, images=360, seed_deviation=0.5, repetitions=300)
    assert found["student"] < 0.8
    assert found["mean"] > 0.92
    assert found["difference"] > 0.92
    assert found["interaction"] > 0.92
    assert found["family"] < 0.06
    assert found["best"] < 0.06


def test_of_a_grid_without_effects_few_families_have_a_false_one() -> None:
    """The main effects of three by three equal groups are one family, their interactions another."""
    population, generator = Population([0.9] * 9, seeds=3, images=360, seed_deviation=1.0), np.random.default_rng(1)
    combinations, false = list(product(range(3), repeat=2)), {"main": 0, "interaction": 0}
    for _ in range(REPETITIONS):
        drawn = dict(zip(combinations, population.draw(generator), strict=True))
        main = [
            [((1 if at[axis] else -1) / 3, sample) for at, sample in drawn.items() if at[axis] in (0, value)]
            for axis, value in product((0, 1), (1, 2))
        ]
        interactions = [
            [(1, drawn[i, j]), (-1, drawn[i, 0]), (-1, drawn[0, j]), (1, drawn[0, 0])]
            for i, j in product((1, 2), repeat=2)
        ]
        for name, family in (("main", main), ("interaction", interactions)):
            false[name] += any(excludes(contrast(terms, len(family)), 0) for terms in family)
    assert max(false.values()) / REPETITIONS <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPETITIONS)


def test_a_better_group_is_named_and_none_among_equals() -> None:
    found = planted(lead=4.0)
    assert found["right"] >= 97
    assert found["wrong"] == 0
    assert found["false"] <= 5


def test_the_committed_measurement_is_of_the_whole_grid() -> None:
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    assert len(measured["grid"]) == 48
    assert min(row["mean"] for row in measured["grid"]) > 0.86
    assert min(row["difference"] for row in measured["grid"]) > 0.92
    assert min(row["interaction"] for row in measured["grid"]) > 0.92
    assert max(row["family"] for row in measured["grid"]) < 0.08
    assert measured["planted"]["right"] >= 97
