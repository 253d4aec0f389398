import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitreport.spec.optimizer import ConstantSpec, CosineSpec, ScheduleSpec
from vitreport.training.optim import learning_rate_at

PEAK = 0.1


def rate_at(step: int, schedule: ScheduleSpec, steps_per_epoch: int = 10, epochs: int = 10) -> float:
    return learning_rate_at(
        step,
        learning_rate=PEAK,
        schedule=schedule,
        steps_per_epoch=steps_per_epoch,
        total_steps=epochs * steps_per_epoch,
    )


@pytest.mark.parametrize("kind", [ConstantSpec, CosineSpec])
def test_warm_up_rises_in_equal_steps_to_the_peak(kind: type[Any]) -> None:
    schedule = kind(warmup_epochs=2.0)
    assert rate_at(0, schedule) == pytest.approx(PEAK / 20)
    assert rate_at(9, schedule) == pytest.approx(PEAK / 2)
    assert rate_at(19, schedule) == pytest.approx(PEAK)
    assert rate_at(20, schedule) == pytest.approx(PEAK)


def test_warm_up_may_be_part_of_an_epoch_or_the_whole_run() -> None:
    assert rate_at(2, ConstantSpec(warmup_epochs=0.25)) == pytest.approx(PEAK)
    assert rate_at(0, ConstantSpec(warmup_epochs=0.25)) == pytest.approx(PEAK / 2)
    assert rate_at(99, CosineSpec(warmup_epochs=10.0)) == pytest.approx(PEAK)


def test_constant_stays_at_the_peak() -> None:
    assert {rate_at(step, ConstantSpec()) for step in range(100)} == {PEAK}


def test_cosine_falls_to_half_in_the_middle_and_towards_the_final_fraction() -> None:
    schedule = CosineSpec(warmup_epochs=2.0, final_fraction=0.2)
    assert rate_at(60, schedule) == pytest.approx(PEAK * 0.6)
    assert rate_at(100, schedule) == pytest.approx(PEAK * 0.2)
    last = 0.2 + 0.8 * (1 + math.cos(math.pi * 79 / 80)) / 2
    assert rate_at(99, schedule) == pytest.approx(PEAK * last)


schedules = st.one_of(
    st.builds(ConstantSpec, warmup_epochs=st.floats(0, 5)),
    st.builds(CosineSpec, warmup_epochs=st.floats(0, 5), final_fraction=st.floats(0, 1)),
)


@given(schedules, st.integers(1, 40), st.integers(5, 20))
def test_schedule_is_a_bounded_function_of_the_step_without_jumps(
    schedule: ScheduleSpec, steps_per_epoch: int, epochs: int
) -> None:
    steps = range(epochs * steps_per_epoch)
    rates = [rate_at(step, schedule, steps_per_epoch, epochs) for step in steps]
    backwards = [rate_at(step, schedule, steps_per_epoch, epochs) for step in reversed(steps)]
    assert backwards[::-1] == rates
    assert all(0 < rate <= PEAK * (1 + 1e-12) for rate in rates)
    warmup = round(schedule.warmup_epochs * steps_per_epoch)
    rise = PEAK / max(warmup, 1)
    fall = PEAK * math.pi / 2 / max(len(steps) - warmup, 1)
    assert all(-fall - 1e-12 <= after - before <= rise + 1e-12 for before, after in pairwise(rates))
    assert all(after <= before for before, after in pairwise(rates[warmup:]))
