"""A short form of benchmarks/intervals.py: the intervals hold for new seeds and new images."""

import json
from pathlib import Path

from benchmarks.intervals import coverage, planted

MEASURED = Path(__file__).parent.parent / "benchmarks" / "intervals.json"


def test_intervals_hold_for_new_seeds_and_images_where_students_does_not() -> None:
    found = coverage(seeds=5, images=360, seed_deviation=0.5, repetitions=300)
    assert found["student"] < 0.8
    assert found["mean"] > 0.92
    assert found["difference"] > 0.92
    assert found["interaction"] > 0.92
    assert found["family"] < 0.06
    assert found["best"] < 0.06


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
