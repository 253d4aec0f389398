"""Speeds measured in a moment: of what, on how much, and that nothing else changes."""

import time

import pytest
import torch

from tests.training.small import CPU, small_spec
from vitreport.data.batches import ImageSet
from vitreport.spec.run import RunSpec
from vitreport.training.setup import place_model
from vitreport.training.state import named_weights
from vitreport.training.throughput import FEWEST_IMAGES, SAMPLES, Throughput, _rate, measure_throughput

SECONDS_AN_IMAGE = 0.001


def measured(spec: RunSpec, seconds: float) -> Throughput:
    model, _ = place_model(spec, CPU)
    return measure_throughput(model, spec, CPU, seconds=seconds)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_batches_are_those_of_the_spec_where_time_allows(precision: str) -> None:
    spec = small_spec(
        train={"precision": precision, "batch_size": 7, "clip_norm": 1.0},
        data={"augment": [{"name": "horizontal_flip"}, {"name": "color_jitter", "hue": 0.1}]},
    )
    found = measured(spec, seconds=60)
    assert (found.training.batch_size, found.training.samples) == (7, SAMPLES)
    assert (found.forward.batch_size, found.forward.samples) == (128, SAMPLES)
    assert found.forward.images_per_second > found.training.images_per_second > 0


def test_without_time_one_small_batch_is_measured() -> None:
    found = measured(small_spec(train={"batch_size": 512}), seconds=0)
    for each in (found.training, found.forward):
        assert (each.batch_size, each.samples) == (FEWEST_IMAGES, 1)


def test_a_batch_of_one_stays_one() -> None:
    assert measured(small_spec(train={"batch_size": 1}), seconds=60).training.batch_size == 1


def test_the_model_and_the_generator_stay_as_they_were() -> None:
    spec = small_spec(model={"name": "mlp-mixer", "patch_size": 4, "embed_dim": 8, "drop_rate": 0.5})
    model, _ = place_model(spec, CPU)
    weights = {name: tensor.clone() for name, tensor in named_weights(model).items()}
    random_state = torch.get_rng_state()
    measure_throughput(model, spec, CPU, seconds=0.1)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in named_weights(model).items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), random_state)


@pytest.mark.parametrize(("seconds", "largest"), [(0.2, 32), (5.0, 128)])
def test_work_of_known_speed_is_measured_in_time(seconds: float, largest: int) -> None:
    def work(images: ImageSet) -> None:
        time.sleep(SECONDS_AN_IMAGE * len(images))

    begun = time.perf_counter()
    found = _rate(work, small_spec().data, CPU, 128, seconds)
    assert time.perf_counter() - begun < seconds + 1
    assert 0.5 / SECONDS_AN_IMAGE < found.images_per_second <= 1 / SECONDS_AN_IMAGE
    assert FEWEST_IMAGES <= found.batch_size <= largest


def test_a_slow_first_step_is_not_counted() -> None:
    first = iter([0.3])

    def work(images: ImageSet) -> None:
        time.sleep(next(first, SECONDS_AN_IMAGE * len(images)))

    found = _rate(work, small_spec().data, CPU, 128, seconds=0.2)
    assert 0.5 / SECONDS_AN_IMAGE < found.images_per_second <= 1 / SECONDS_AN_IMAGE
