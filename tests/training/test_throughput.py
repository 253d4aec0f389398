"""Speeds measured in a moment: of what, on how much, and that nothing else changes."""

from collections.abc import Callable

import pytest

from tests.training.small import CPU, small_spec
from vitreport.data.batches import ImageSet
from vitreport.spec.run import RunSpec
from vitreport.training import throughput
from vitreport.training.throughput import MIN_IMAGES, SAMPLES, Rate, measure_cost_here, measure_rate

SECONDS_AN_IMAGE = 0.001


def measured(spec: RunSpec, seconds: float, monkeypatch: pytest.MonkeyPatch) -> tuple[Rate, Rate]:
    monkeypatch.setattr(throughput, "SECONDS", seconds)
    found = measure_cost_here(spec, "cpu", None, training_images=1000)
    return found.training, found.forward


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_batches_are_those_of_the_spec_where_time_allows(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small_spec(
        train={"precision": precision, "batch_size": 7, "clip_norm": 1.0},
        data={"augment": [{"name": "horizontal_flip"}, {"name": "color_jitter", "hue": 0.1}]},
    )
    training, forward = measured(spec, 60, monkeypatch)
    assert (training.batch_size, training.samples) == (7, SAMPLES)
    assert (forward.batch_size, forward.samples) == (128, SAMPLES)
    assert min(forward.images_per_second, training.images_per_second) > 0


def test_without_time_one_small_batch_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in measured(small_spec(train={"batch_size": 512}), 0, monkeypatch):
        assert (each.batch_size, each.samples) == (MIN_IMAGES, 1)


def test_a_batch_of_one_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(small_spec(train={"batch_size": 1}), 60, monkeypatch)[0].batch_size == 1


class SimulatedClock:
    """A clock that only work moves: a millisecond an image, and so much for each step; the first takes longer."""

    def __init__(self, step_seconds: float = 0.0, first_seconds: float = 0.0) -> None:
        self.now = 0.0
        self._step_seconds, self._first_seconds = step_seconds, first_seconds

    def __call__(self) -> float:
        return self.now

    def work(self, images: ImageSet, batch_size: int) -> None:
        steps = len(images) // batch_size
        self.now += self._first_seconds + self._step_seconds * steps + SECONDS_AN_IMAGE * len(images)
        self._first_seconds = 0.0


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimulatedClock]:
    def install(**seconds: float) -> SimulatedClock:
        clock = SimulatedClock(**seconds)
        monkeypatch.setattr(throughput, "perf_counter", clock)
        monkeypatch.setitem(throughput.CLOCKS, "cpu", clock)
        return clock

    return install


@pytest.mark.parametrize(("seconds", "batch_size"), [(0.0, 2), (0.1, 32), (5.0, 128)])
def test_work_of_known_speed_is_measured_in_time(
    simulated: Callable[..., SimulatedClock], seconds: float, batch_size: int
) -> None:
    clock = simulated()
    found = measure_rate(clock.work, small_spec().data, CPU, 128, seconds)
    assert found.images_per_second == pytest.approx(1 / SECONDS_AN_IMAGE)
    assert found.batch_size == batch_size
    assert clock.now <= max(seconds, 2 * MIN_IMAGES * SECONDS_AN_IMAGE)


def test_time_that_other_programs_take_is_not_counted(
    simulated: Callable[..., SimulatedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = simulated()
    monkeypatch.setattr(throughput, "perf_counter", lambda: 10 * clock.now)
    found = measure_rate(clock.work, small_spec().data, CPU, 128, seconds=5)
    assert found.images_per_second == pytest.approx(1 / SECONDS_AN_IMAGE)
    assert found.samples < SAMPLES


def test_more_threads_than_cores_are_no_faster(
    simulated: Callable[..., SimulatedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eight threads on two cores, the one that leads does an eighth of the work."""
    clock = simulated()
    monkeypatch.setattr(throughput, "process_time", lambda: 8 * clock.now)
    monkeypatch.setattr(throughput, "usable_cores", lambda: 2)
    found = measure_rate(clock.work, small_spec().data, CPU, 128, seconds=5)
    assert found.images_per_second == pytest.approx(1 / SECONDS_AN_IMAGE / 4)


def test_a_slow_first_step_is_not_counted(simulated: Callable[..., SimulatedClock]) -> None:
    found = measure_rate(simulated(first_seconds=0.3).work, small_spec().data, CPU, 128, seconds=0.7)
    assert found.images_per_second == pytest.approx(1 / SECONDS_AN_IMAGE)
    assert found.samples > 1


def test_what_a_step_costs_is_not_counted_for_each_image(simulated: Callable[..., SimulatedClock]) -> None:
    """On a busy machine most of a small batch is waiting; a whole batch waits no longer."""
    found = measure_rate(simulated(step_seconds=1.0).work, small_spec().data, CPU, 128, seconds=5.0)
    assert found.batch_size == 32
    assert found.images_per_second == pytest.approx(128 / 1.128)


def test_a_sample_on_a_gpu_is_several_batches_of_one_epoch(
    simulated: Callable[..., SimulatedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(throughput.STEPS_A_SAMPLE, "cpu", 8)
    found = measure_rate(simulated(step_seconds=0.01).work, small_spec().data, CPU, 4, seconds=60.0)
    assert found.images_per_second == pytest.approx(4 / 0.014)
