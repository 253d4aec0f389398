import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.test_fields import SECTIONS
from vitreport.errors import SpecError
from vitreport.spec.fields import find_field
from vitreport.spec.sweep import (
    MAX_SEED,
    field_axis,
    format_value,
    parse_list,
    read_seeds,
    short_name,
    variant_axis,
    zipped,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("16,32", [16, 32]),
        ("1e-1, 1e-2", [0.1, 0.01]),
        ("true,false", [True, False]),
        ("adamw,sgd", ["adamw", "sgd"]),
        ("none,1.0", [None, 1.0]),
        ("[2,2,8,2],[2,2,6,2]", [[2, 2, 8, 2], [2, 2, 6, 2]]),
        ('[],[{name="random_crop", padding=2}]', [[], [{"name": "random_crop", "padding": 2}]]),
        ('"a,b","c"', ["a,b", "c"]),
    ],
)
def test_values_stand_between_the_commas_outside_brackets_and_quotes(text: str, values: list[object]) -> None:
    assert parse_list(text) == values


@pytest.mark.parametrize("text", ["", ",", "1,", ",1", "1,,2", "a,"])
def test_an_empty_value_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="empty value"):
        parse_list(text)


@given(st.lists(st.integers() | st.booleans() | st.lists(st.integers(), max_size=3), min_size=1))
def test_a_list_is_read_as_it_is_shown(values: list[object]) -> None:
    assert parse_list(",".join(map(format_value, values))) == values


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (0, 1, 2)), ("0,1,4", (0, 1, 4)), ("0..4", (0, 1, 2, 3, 4)), ("5..5", (5,)), (" 1 ", (0,))],
)
def test_seeds_are_a_number_a_list_or_a_range(text: str, seeds: tuple[int, ...]) -> None:
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1,1", "a", "1.5", "0..", "3..1", f"{MAX_SEED + 1}..{MAX_SEED + 1}", "9" * 10, "9" * 5000]
)
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="must be 1 to 10,000 different"):
        read_seeds(text)


def test_a_section_stands_for_its_name() -> None:
    named = [section for section, kinds in SECTIONS.items() if "name" in kinds[0].model_fields and "." not in section]
    assert {"model", "optimizer", "schedule"} <= set(named)
    assert [find_field(section) for section in named] == [f"{section}.name" for section in named]
    assert [short_name(f"{section}.name") for section in named] == named


def test_an_axis_sets_the_whole_path() -> None:
    axis = field_axis("lr", [0.1, 1e-5])
    assert axis.name == "learning_rate"
    assert [(value.label, value.fields) for value in axis.values] == [
        ("0.1", {"optimizer.learning_rate": 0.1}),
        ("1e-05", {"optimizer.learning_rate": 1e-5}),
    ]


def test_variants_set_several_fields() -> None:
    axis = variant_axis("regularization", {"none": {"lr": 1.0, "batch_size": 2}, "as it is": {}})
    assert axis.fields == {"optimizer.learning_rate", "train.batch_size"}
    assert [value.label for value in axis.values] == ["none", "as it is"]


def test_axes_are_paired() -> None:
    axis = zipped([field_axis("batch_size", [1, 2]), field_axis("lr", [0.1, 0.2])])
    assert axis.name == "batch_size, learning_rate"
    assert [value.label for value in axis.values] == ["1, 0.1", "2, 0.2"]
    assert axis.values[1].fields == {"train.batch_size": 2, "optimizer.learning_rate": 0.2}


def test_lists_of_different_length_are_not_paired() -> None:
    with pytest.raises(SpecError, match="batch_size has 2, learning_rate has 1"):
        zipped([field_axis("batch_size", [1, 2]), field_axis("lr", [0.1])])


def test_the_seed_is_no_axis() -> None:
    with pytest.raises(SpecError) as caught:
        field_axis("seed", [1])
    assert caught.value.lines() == ["seed: cannot be varied; hint: leave it out: a sweep has its own seeds"]
