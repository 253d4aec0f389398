"""Names in figures: beside their marks, across nothing, the same every time."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.drawn import ablation, estimate, level
from vitreport.analysis.summary import Cost
from vitreport.report.figures.drawing.canvas import Canvas, Percents, distinct, style
from vitreport.report.figures.drawing.cost import _ticks, cost
from vitreport.report.figures.drawing.labels import Box, Mark, beside, placed
from vitreport.report.figures.drawing.numbers import numbers_of, numeric, told
from vitreport.report.figures.drawing.rows import Row, rows_panel
from vitreport.report.figures.illustrations import CostPoint

FRAME = Box(0, 0, 340, 200)
POSITION = st.integers(0, 200)
MARKS = st.lists(
    st.builds(lambda x, y, half: Mark(x, y, y - half, y + half), POSITION, POSITION, POSITION), max_size=12
)
DIGITS = (
    ("Perceiver IO", 0.962, 55_100_000, 0.016),
    ("Perceiver", 0.969, 14_800_000, 0.016),
    ("MLP-Mixer", 0.977, 4_740_000, 0.008),
    ("Swin Transformer", 0.973, 5_130_000, 0.024),
    ("Transformer in Transformer", 0.955, 3_480_000, 0.033),
    ("timm/resnet10t", 0.996, 44_800_000, 0.004),
)
"""The architectures of the study `digits`, with their intervals."""


def point(name: str, accuracy: float, flops: int, half_width: float = 0.01) -> CostPoint:
    return CostPoint(name, "Digits", estimate(accuracy, half_width), Cost(flops, flops, flops, 1.0, 1.0, 1, "cpu"))


def many(count: int) -> list[CostPoint]:
    """Scattered without a pattern."""
    scattered = [(37 * index % 101 / 101, 53 * index % 89 / 89) for index in range(count)]
    return [point(f"timm/model_{i}", 0.4 + 0.5 * y, int(10 ** (7 + 3 * x))) for i, (x, y) in enumerate(scattered)]


def drawn(points: Sequence[CostPoint]) -> Canvas:
    with style():
        (panel,) = cost(points)
        panel.settle()  # once more, as when it is saved
    return panel


def box_of(text: object) -> Box:
    return Box(*text.get_window_extent().extents)  # type: ignore[attr-defined]


@given(MARKS, st.integers(5, 150))
@settings(max_examples=200)
def test_a_name_meets_no_mark_and_no_other_name(marks: list[Mark], width: int) -> None:
    places = placed([beside(mark, (width, 14)) for mark in marks], marks, FRAME)
    boxes = [place.box for place in places if place]
    assert all(box.is_within(FRAME) for box in boxes)
    assert not any(box.meets(mark.box) for box in boxes for mark in marks)
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))


@pytest.mark.parametrize(
    "points",
    [
        [point(*DIGITS[0]), point(*DIGITS[1])],
        [point(*each) for each in DIGITS],
        [point(name, 0.8, 10**8) for name, *_ in DIGITS[:3]],
        [point(name, 0.7 + 0.002 * index, 10**9, 0.02) for index, (name, *_) in enumerate(DIGITS)],
        [point("low", 0.0, 10**6, 0), point("high", 1.0, 10**12, 0)],
        many(20),
    ],
    ids=["two", "the study", "one place", "one cost", "the ends", "twenty"],
)
def test_accuracy_against_cost_names_every_point_and_crosses_none(points: list[CostPoint]) -> None:
    panel = drawn(points)
    told = {text.get_text() for text in panel.axes.texts}
    assert {each.label for each in points} <= told
    boxes = [box_of(text) for text in panel.axes.texts]
    marks = [panel.mark(each.cost.forward_flops, each.accuracy) for each in points]
    assert not any(box.meets(mark.box) for box in boxes for mark in marks)
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))
    whole = Box(0, 0, *panel.drawing.get_size_inches() * 72)
    assert all(box.is_within(whole) for box in boxes)


def test_without_room_for_names_there_are_numbers_by_rank_with_a_key() -> None:
    texts = [text.get_text() for text in drawn(many(20)).axes.texts]
    best = max(many(20), key=lambda each: each.accuracy.value).label
    assert texts[:20] == [str(rank) for rank in range(1, 21)]
    assert texts[20:22] == ["1", best]
    assert "1" not in [text.get_text() for text in drawn([point(*each) for each in DIGITS]).axes.texts]


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (3e7, 9e7, [5e7]),
        (1e7, 1e8, [1e7, 2e7, 5e7, 1e8]),
        (1e7, 9e9, [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]),
        (1e5, 1e13, [1e6, 1e8, 1e10, 1e12]),
    ],
)
def test_an_axis_of_costs_has_a_few_round_numbers(low: float, high: float, found: list[float]) -> None:
    assert _ticks(low, high) == pytest.approx(found)


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ((1e-4, 1e-3, 0.01, 0.1), ["1e-4", "1e-3", "1e-2", "1e-1"]),
        ((0.001, 0.01, 0.1), ["0.001", "0.01", "0.1"]),
        ((0.0, 3e-4, 1.0), ["0", "3e-4", "1"]),
        ((16.0, 128.0), ["16", "128"]),
    ],
)
def test_numbers_on_one_axis_are_written_in_one_way(numbers: tuple[float, ...], names: list[str]) -> None:
    assert list(told(numbers).values()) == names


@pytest.mark.parametrize(
    ("shares", "names"),
    [([0, 0.2], ["0%", "20%"]), ([0.1, 0.125], ["10.0%", "12.5%"]), ([-0.0, 0.0025], ["0.00%", "0.25%"])],
)
def test_shares_on_one_axis_have_the_same_digits(shares: list[float], names: list[str]) -> None:
    assert Percents().format_ticks(shares) == names


def test_of_many_values_those_are_told_that_do_not_meet() -> None:
    values = [f"{mantissa}e-{exponent}" for exponent in (5, 4, 3) for mantissa in (1, 2, 3, 5)]
    content = ablation("learning_rate", [level(value, 0.5 + 0.01 * i) for i, value in enumerate(values)], 5)
    with style():
        panel = numeric(content, numbers_of(content) or [])
        panel.settle()
        ticks = [box_of(label) for label in panel.axes.get_xticklabels()]
    assert not any(one.meets(other) for one, other in combinations(ticks, 2))
    assert {"1e-5", "5e-3", "2e-4"} <= {label.get_text() for label in panel.axes.get_xticklabels()}


def test_what_has_no_accuracy_is_named_once_a_row() -> None:
    states = [level("16", 0.5), level("32", 0.6), *(level(f"{64 * i}", None, "not run") for i in (1, 2, 3))]
    content = ablation("x", [*states, level("300", None, "diverged"), level("301", None, "diverged")], 0)
    with style():
        panel = numeric(content, numbers_of(content) or [])
    texts = [text.get_text() for text in panel.axes.texts]
    assert (texts.count("not run"), texts.count("diverged")) == (1, 1)
    assert min(panel.axes.get_yticks()) >= 0


@pytest.mark.parametrize(
    "names",
    [
        [f"timm/vit_base_patch16_clip_224.laion2b_{end}" for end in ("ft_in1k", "ft_in12k", "")],
        [f"{'a long beginning ' * 3}{number} and a long end {'x' * 20}" for number in range(12)],
    ],
)
def test_long_names_that_differ_still_do_when_they_are_cut(names: list[str]) -> None:
    assert max(map(len, distinct(names))) <= 26
    assert len(set(distinct(names))) == len(names)


def test_marks_are_whole_and_intervals_end_where_the_axis_does() -> None:
    """At 100% a dot is not cut in half; an interval beyond it does not cross the number at its right."""
    with style():
        panel = rows_panel(
            "", "accuracy", [Row("sure", estimate(1.0, 0.0)), Row("wide", estimate(0.97, 0.3))], (0.6, 1.0)
        )
    lines = panel.axes.get_lines()
    assert {bool(line.get_clip_on()) for line in lines if line.get_marker() == "o"} == {False}
    assert {bool(line.get_clip_on()) for line in lines if line.get_marker() == "None"} == {True}
