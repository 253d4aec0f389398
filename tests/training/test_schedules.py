import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.small import small_spec
from vitreport.spec.optimizer import ConstantSpec, CosineSpec, ScheduleSpec
from vitreport.training.optimizers import learning_rate_at

PEAK = 0.1


def rate_at(step: int, schedule: ScheduleSpec, steps_per_epoch: int = 10, epochs: int = 10) -> float:
    spec = small_spec(optimizer={"name": "adamw", "learning_rate": PEAK}, train={"epochs": epochs})
    return learning_rate_at(step, spec.model_copy(update={"schedule": schedule}), steps_per_epoch)


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


def by_epoch(epochs: int, **fields: Any) -> list[float]:
    """The share of the peak in each epoch, which all its steps have."""
    schedule = CosineSpec(interval="epoch", **fields)
    rates = [
        {rate_at(10 * epoch + step, schedule, epochs=epochs) / PEAK for step in range(10)} for epoch in range(epochs)
    ]
    assert all(len(each) == 1 for each in rates)
    return [each.pop() for each in rates]


def test_cosine_by_epoch_is_that_of_pytorch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    expected = []
    for _ in range(10):
        expected.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert by_epoch(10) == pytest.approx(expected)


def test_a_lag_of_two_epochs_is_the_published_schedule() -> None:
    """The learning rate of epoch 0, 1, 2 and k, of which the published loop printed the share."""
    rates = by_epoch(30, lag_epochs=2)
    assert rates[:3] == pytest.approx([1, 0.9973, 1], abs=5e-5)
    assert rates[29] == pytest.approx(0.0245, abs=5e-5)
    assert rates[1:] == pytest.approx([(1 + math.cos(math.pi * (k - 2) / 30)) / 2 for k in range(1, 30)])


@pytest.mark.filterwarnings("ignore:.*epoch parameter in `scheduler.step.*")
def test_a_lag_of_two_epochs_is_a_scheduler_that_steps_to_the_epoch_before() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    expected = []
    for epoch in range(10):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(epoch - 1)
    assert by_epoch(10, lag_epochs=2) == pytest.approx(expected)


def test_cosine_by_epoch_comes_after_the_warm_up_and_falls_to_the_final_fraction() -> None:
    schedule = CosineSpec(interval="epoch", warmup_epochs=2.0, final_fraction=0.2)
    assert rate_at(9, schedule) == pytest.approx(PEAK / 2)
    assert {rate_at(step, schedule) for step in range(20, 30)} == {PEAK}
    assert rate_at(60, schedule) == pytest.approx(PEAK * 0.6)


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
