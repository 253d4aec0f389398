"""How many images an evaluation takes at a time, what is told where they do not fit, and the time of a single one."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tests.training.small import CPU, small_setup
from vitreport.errors import ResourceError
from vitreport.spec.run import TrainSpec
from vitreport.training.device import memory_errors
from vitreport.training.evaluate import LATENCY_IMAGES, evaluation_batch_size, measure_latency, predict

CUDA = torch.device("cuda", 1)


@pytest.mark.parametrize(
    ("image_size", "batch_size", "gigabytes", "expected"),
    [
        (8, 20, 140, 10_000),
        (32, 20, 140, 2048),
        (32, 20, 24, 256),
        (32, 4096, 24, 4096),
        (32, 20_000, 24, 10_000),
        (64, 128, 140, 512),
        (224, 16, 140, 32),
        (224, 128, 24, 128),
        (4096, 1, 24, 1),
        (32, 20, 139.9, 2048),
    ],
)
def test_a_gpu_takes_as_many_pixels_as_fit_it_or_as_many_images_as_a_step(
    image_size: int, batch_size: int, gigabytes: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = SimpleNamespace(total_memory=int(gigabytes * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_properties", {CUDA: gpu}.__getitem__)
    train = TrainSpec(batch_size=batch_size)
    assert evaluation_batch_size(CUDA, train, image_size) == expected
    assert evaluation_batch_size(CPU, train, image_size) == 128


class Hungry(nn.Module):
    """Runs out of memory, and counts the images at which it did."""

    def forward(self, images: Tensor) -> Tensor:
        self.images = len(images)
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_memory_that_does_not_suffice_to_measure_is_not_laid_to_the_training() -> None:
    model, split = Hungry(), small_setup().splits["train"]
    with pytest.raises(ResourceError) as told, memory_errors("at train.batch_size = 20"):
        predict(model, split, TrainSpec(batch_size=20), before_batch=lambda: None)
    assert told.value.message == "out of memory measuring in batches of 128 images"
    assert model.images == len(split)


class Slow(nn.Module):
    """Takes these seconds for its images, by a clock of its own."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self.seconds, self.batches, self.now = seconds, list[int](), 0.0

    def forward(self, images: Tensor) -> Tensor:
        self.now += self.seconds[min(len(self.batches), len(self.seconds) - 1)]
        self.batches.append(len(images))
        return images


@pytest.mark.parametrize(
    ("seconds", "images", "milliseconds"),
    [
        ((0.9, 0.002, 0.004, 0.003), 1 + LATENCY_IMAGES, 3.0),  # the first image is a warm-up
        ((0.5, 0.4, 0.2), 3, 300.0),  # a large network
        ((3.0,), 1, 3000.0),
    ],
)
def test_latency_is_that_of_single_images_in_about_a_second(
    seconds: tuple[float, ...], images: int, milliseconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Slow(*seconds)
    monkeypatch.setattr("vitreport.training.evaluate.time", SimpleNamespace(perf_counter=lambda: model.now))
    assert measure_latency(model, small_setup().splits["train"], TrainSpec()) == pytest.approx(milliseconds)
    assert model.batches == [1] * images
