from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import small_spec
from tests.spec.composing import composed
from vitreport.errors import SpecError
from vitreport.spec.compose import Composed
from vitreport.spec.load import layer_of
from vitreport.spec.sweep import AxisSpec, field_axis, variant_axis, zipped
from vitreport.sweep.plan import Plan, make_plan

BASE = small_spec().model_dump(mode="json")


def compose(fields: Mapping[str, Any]) -> Composed:
    return composed(BASE, layer_of(fields, "--param").values)


def plan(*axes: AxisSpec, seeds: tuple[int, ...] = (0,), **options: Any) -> Plan:
    return make_plan(axes, seeds, compose, **options)


SIZES = st.lists(st.integers(1, 1000), unique=True, min_size=1, max_size=4)
RATES = st.lists(st.floats(1e-6, 1), unique=True, min_size=1, max_size=4)
SEEDS = st.lists(st.integers(0, 2**31 - 1), unique=True, min_size=1, max_size=3).map(tuple)


@given(SIZES, RATES, SEEDS)
def test_a_grid_holds_every_combination_with_every_seed_once(
    sizes: list[int], rates: list[float], seeds: tuple[int, ...]
) -> None:
    found = plan(field_axis("batch_size", sizes), field_axis("lr", rates), seeds=seeds)
    specs = [(c.spec.train.batch_size, c.spec.optimizer.learning_rate, c.spec.seed) for c in found.trials]
    assert sorted(specs) == sorted((size, rate, seed) for size in sizes for rate in rates for seed in seeds)
    assert len({trial.id for trial in found.trials}) == len(found.trials)
    assert [trial.values for trial in found.trials] == [
        (str(size), repr(rate)) for _ in seeds for size in sizes for rate in rates
    ]


@given(SIZES)
def test_pairs_are_as_many_as_the_values(sizes: list[int]) -> None:
    axis = zipped([field_axis("batch_size", sizes), field_axis("epochs", [size + 1 for size in sizes])])
    assert [(c.spec.train.batch_size, c.spec.train.epochs) for c in plan(axis).trials] == [(s, s + 1) for s in sizes]


def test_a_trial_is_the_run_that_train_would_make() -> None:
    (trial,) = plan(field_axis("batch_size", [7]), seeds=(3,)).trials
    assert trial.id == composed(BASE, {"train": {"batch_size": 7}, "seed": 3}).spec.run_id


def test_every_fault_is_told_once() -> None:
    axes = field_axis("batch_size", [0, 16, -1]), field_axis("lr", [1e-3, 1e-4])
    with pytest.raises(SpecError) as caught:
        plan(*axes)
    assert [(problem.field, problem.value) for problem in caught.value.problems] == [
        ("train.batch_size", "0"),
        ("train.batch_size", "-1"),
    ]


def test_a_sweep_is_called_after_its_models() -> None:
    assert plan(field_axis("batch_size", [1, 2])).name == "perceiver-io on digits by batch_size"
    timm = {**BASE, "model": {"name": "timm", "architecture": "resnet18"}}
    swept = make_plan(
        [field_axis("model.arguments.drop_rate", [0.1, 0.2])],
        [0],
        lambda fields: composed(timm, layer_of(fields, "--param").values),
    )
    assert swept.name == "timm-resnet18 on digits by drop_rate"


def test_two_trials_of_one_spec_are_refused() -> None:
    with pytest.raises(SpecError, match="give the same spec"):
        plan(variant_axis("optimizer", {"by itself": {}, "by name": {"optimizer": "adamw"}}))
    with pytest.raises(SpecError, match="duplicate value"):
        plan(field_axis("lr", [0.1, 0.10]))


def test_a_field_is_varied_once() -> None:
    with pytest.raises(SpecError, match=r"train\.batch_size is varied twice"):
        plan(field_axis("batch_size", [1]), field_axis("train.batch_size", [2]))


def test_a_sweep_that_is_too_large_is_refused() -> None:
    axes = field_axis("batch_size", range(1, 1001)), field_axis("epochs", range(1, 1001))
    with pytest.raises(SpecError, match="3,000,000 trials, more than 10,000"):
        plan(*axes, seeds=(0, 1, 2))


def test_the_baseline_is_the_value_of_the_spec_itself() -> None:
    own = str(BASE["train"]["batch_size"])
    axis = field_axis("batch_size", [1, int(own)])
    assert plan(axis).baseline == (own,)
    assert plan(axis, baseline=("1",)).baseline == ("1",)
    assert plan(axis, variant_axis("more", {"a": {"epochs": 9}, "own": {}})).baseline == (own, "own")
    assert plan(field_axis("batch_size", [1, 2])).baseline is None
    short = {"name": "horizontal_flip"}
    assert plan(field_axis("augment", [[short], []])).baseline == ("[]",)
    flipped = partial(composed, BASE | {"data": {**BASE["data"], "augment": [short]}})
    found = make_plan(
        [field_axis("augment", [[], [short]])],
        [0],
        lambda fields: flipped(layer_of(fields, "").values),
    )
    assert found.baseline == ('[{"name": "horizontal_flip"}]',)


@pytest.mark.parametrize("baseline", [("3",), ("1", "2")])
def test_a_baseline_that_is_no_trial_is_refused(baseline: tuple[str, ...]) -> None:
    with pytest.raises(SpecError, match="--baseline"):
        plan(field_axis("batch_size", [1, 2]), baseline=baseline)


def test_more_seeds_are_the_same_sweep_and_other_values_another() -> None:
    axis = field_axis("batch_size", [1, 2])
    assert plan(axis, seeds=(0, 1)).id == plan(axis, seeds=(2,)).id
    assert plan(axis).id != plan(field_axis("batch_size", [1, 3])).id
    assert plan(axis).id.startswith("perceiver-io-on-digits-by-batch_size-")


def test_without_axes_it_is_one_run_with_its_seeds() -> None:
    found = plan(seeds=(0, 3), name="mine")
    assert [(trial.values, trial.spec.seed) for trial in found.trials] == [((), 0), ((), 3)]
    assert (found.baseline, found.trials[0].spec) == (None, composed(BASE).spec)
