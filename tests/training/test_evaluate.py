"""How many images an evaluation takes at a time, and what is told where they do not fit."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tests.training.small import CPU, small_setup
from vitreport.errors import ResourceError
from vitreport.spec.run import TrainSpec
from vitreport.training.device import memory_errors
from vitreport.training.evaluate import evaluation_batch_size, predict

CUDA = torch.device("cuda", 1)


@pytest.mark.parametrize(
    ("image_size", "batch_size", "gigabytes", "expected"),
    [
        (8, 20, 140, 10_000),
        (32, 20, 140, 10_000),
        (32, 20, 24, 2097),
        (32, 4096, 24, 4096),
        (32, 20_000, 24, 10_000),
        (64, 128, 140, 2500),
        (224, 16, 140, 204),
        (224, 128, 24, 128),
        (4096, 1, 24, 1),
    ],
)
def test_a_gpu_takes_as_many_pixels_as_fill_it_or_as_many_images_as_a_step(
    image_size: int, batch_size: int, gigabytes: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = SimpleNamespace(total_memory=gigabytes * 2**30)
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
