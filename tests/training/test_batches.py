import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tests.training.small import CLASSES, CPU, noise_split
from vitreport.data import batches as batches_module
from vitreport.data.batches import ImageSet, TrainingBatches
from vitreport.randomness import permutation
from vitreport.spec.augment import AugmentSpec, ColorJitterSpec, HorizontalFlipSpec, MixSpec, RandomCropSpec
from vitreport.spec.data import DataSpec
from vitreport.spec.load import preset_names, read_preset

OPERATIONS: tuple[AugmentSpec, ...] = (
    HorizontalFlipSpec(),
    RandomCropSpec(padding=2),
    ColorJitterSpec(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1),
)


MIX = MixSpec(mixup_alpha=0.8, cutmix_alpha=1.0)


def image_set(count: int = 23, *, stored: int = 8, size: int = 8) -> ImageSet:
    split = noise_split(count, seed=0, size=stored)
    return ImageSet(
        split.images, split.labels, device=CPU, image_size=size, mean=(0.5, 0.25, 0.125), std=(0.25, 0.5, 1.0)
    )


def batches_of(
    images: ImageSet, operations: tuple[AugmentSpec, ...] = OPERATIONS, seed: int = 0, mix: MixSpec | None = None
) -> TrainingBatches:
    data = DataSpec(image_size=images.image_size, num_classes=CLASSES, augment=operations, mix=mix or MixSpec())
    return TrainingBatches(images, data, batch_size=5, seed=seed)


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    return torch.from_numpy(permutation(seed, "order", epoch, count))


@given(st.integers(1, 300), st.integers(0, 2**31 - 1), st.integers(0, 1000))
def test_order_is_a_permutation_and_a_function_of_seed_and_epoch(count: int, seed: int, epoch: int) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    torch.rand(3)
    assert torch.equal(epoch_order(count, seed, epoch), order)


def test_order_differs_between_epochs_and_seeds() -> None:
    orders = {tuple(epoch_order(100, seed, epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_in_order_serves_every_image_once() -> None:
    images = image_set()
    served = list(images.in_order(5))
    assert [len(batch) for batch in served] == [5, 5, 5, 5, 3]
    pixels = images.pixels(slice(None)).double() / 255
    expected = (pixels - images.mean[:, None, None]) / images.std[:, None, None]
    assert torch.allclose(torch.cat(served).double(), expected, atol=1e-6)


@pytest.mark.parametrize(("stored", "size"), [(8, 16), (16, 8), (8, 11)])
def test_images_are_resized_batch_by_batch(stored: int, size: int) -> None:
    images = image_set(stored=stored, size=size)
    batch = next(images.in_order(4))
    resized = functional.interpolate(images.pixels(slice(4)) / 255, (size, size), mode="bilinear", antialias=True)
    assert torch.allclose(batch, (resized - images.mean[:, None, None]) / images.std[:, None, None], atol=1e-5)
    augmented, _ = next(batches_of(images).epoch(0))
    assert augmented.shape == (5, 3, size, size)


def test_an_epoch_serves_every_image_once_in_its_order() -> None:
    images = image_set()
    plain = batches_of(images, ())
    assert plain.steps_per_epoch == 5
    served = list(plain.epoch(3))
    order = epoch_order(23, 0, 3)
    assert torch.equal(torch.cat([labels for _, labels in served]), torch.from_numpy(images.labels)[order])
    unshuffled = torch.cat([*images.in_order(23)])
    assert torch.equal(torch.cat([batch for batch, _ in served]), unshuffled[order])


@pytest.mark.parametrize("mix", [MixSpec(), MIX])
@pytest.mark.parametrize("first_step", range(6))
def test_batches_do_not_depend_on_where_an_epoch_was_entered(first_step: int, mix: MixSpec) -> None:
    batches = batches_of(image_set(), mix=mix)
    whole = list(batches.epoch(2))
    torch.manual_seed(first_step)
    entered = list(batches.epoch(2, first_step))
    assert len(entered) == 5 - first_step
    assert all(same(left, right) for left, right in zip(whole[first_step:], entered, strict=True))


def test_augmentation_differs_between_steps_epochs_and_seeds() -> None:
    """The same image is changed in another way each time that it is served."""
    one = noise_split(1, seed=0)
    repeated = np.repeat(one.images, 10, axis=0)
    images = ImageSet(
        repeated, np.zeros(10, np.int64), device=CPU, image_size=8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    seen = [
        image for seed in range(2) for epoch in range(2) for image in all_images(batches_of(images, seed=seed), epoch)
    ]
    assert len({image.numpy().tobytes() for image in seen}) == len(seen) == 40


@pytest.mark.parametrize("batch_size", [1, 7, 32, 1500])
def test_an_epoch_is_the_same_in_batches_of_any_size(batch_size: int) -> None:
    images = image_set(2053 if batch_size > 1 else 23)
    batches = batches_of(images)
    whole, labels = map(torch.cat, zip(*batches.epoch(1), strict=True))
    others, same_labels = map(torch.cat, zip(*replace(batches, batch_size=batch_size).epoch(1), strict=True))
    assert torch.equal(others, whole)
    assert torch.equal(same_labels, labels)


PRESETS = [read_preset(name).values["data"] for name in preset_names()]
PIPELINES = {str(data): data for data in ({key: each.get(key) for key in ("augment", "mix")} for each in PRESETS)}


@pytest.mark.parametrize("steps", [2, 3, 100])
@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=range(len(PIPELINES)))
def test_blocks_of_several_batches_give_the_same_batches(
    monkeypatch: pytest.MonkeyPatch, pipeline: dict[str, Any], steps: int
) -> None:
    """From wherever an epoch is entered."""
    fields = {name: value for name, value in pipeline.items() if value is not None}
    data = DataSpec.model_validate_json(json.dumps({"image_size": 12, "num_classes": CLASSES, **fields}))
    batches = TrainingBatches(image_set(23, stored=9, size=12), data, batch_size=5, seed=0)
    monkeypatch.setattr(TrainingBatches, "steps_per_block", 1)
    expected = list(batches.epoch(2))
    monkeypatch.setattr(TrainingBatches, "steps_per_block", steps)
    for first_step in range(6):
        found = list(batches.epoch(2, first_step))
        assert all(same(one, other) for one, other in zip(found, expected[first_step:], strict=True))


@pytest.mark.parametrize(
    ("device", "stored", "size", "steps"),
    [
        ("cuda", 8, 8, 26041),
        ("cuda", 8, 32, 1627),
        ("cuda", 32, 8, 1627),
        ("cuda", 2000, 8, 1),
        ("cpu", 8, 8, 102),
        ("cpu", 8, 32, 102),
        ("cpu", 2000, 8, 1),
    ],
)
def test_a_block_is_bounded_in_memory(device: str, stored: int, size: int, steps: int) -> None:
    images = image_set(2, stored=stored, size=size)
    images.device = torch.device(device)
    assert batches_of(images).steps_per_block == steps


def test_mixing_has_random_numbers_of_its_own() -> None:
    """It leaves order and augmentation as they are, and differs between steps, epochs and seeds."""
    images = image_set()
    plain = torch.cat([batch for batch, _ in batches_of(images).epoch(0)])
    unmixed = batches_of(images, mix=MixSpec(mixup_alpha=1.0, probability=0.0)).epoch(0)
    assert torch.equal(torch.cat([batch for batch, _ in unmixed]), plain)
    shares = [
        targets.amax(1)
        for seed in range(2)
        for epoch in range(2)
        for _, targets in batches_of(images, seed=seed, mix=MixSpec(mixup_alpha=1.0)).epoch(epoch)
    ]
    assert len({tuple(each.tolist()) for each in shares}) == len(shares) == 20


def test_mixed_batches_have_weights_of_classes_for_labels() -> None:
    images = image_set()
    for (_, labels), (_, targets) in zip(
        batches_of(images).epoch(1), batches_of(images, mix=MIX).epoch(1), strict=True
    ):
        assert targets.shape == (len(labels), CLASSES)
        allowed = functional.one_hot(labels, CLASSES) + functional.one_hot(labels.flip(0), CLASSES)
        assert torch.equal(targets > 0, (allowed > 0) & (targets > 0))
        assert torch.allclose(targets.sum(1), torch.ones(len(labels)))


def all_images(batches: TrainingBatches, epoch: int) -> Iterator[Tensor]:
    for batch, _ in batches.epoch(epoch):
        yield from batch


def same(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> bool:
    return torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


def test_images_that_do_not_fit_on_a_gpu_are_sent_to_it_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def counted(values: Tensor, device: torch.device) -> Tensor:
        sizes.append(len(values))
        return values.to(device)

    monkeypatch.setattr(batches_module, "to_device", counted)
    monkeypatch.setattr(TrainingBatches, "steps_per_block", 1)
    images, streamed = image_set(), image_set()
    streamed.home = torch.device("cpu", 0)  # as if the device were another one
    for one, other in zip(batches_of(images).epoch(1), batches_of(streamed).epoch(1), strict=True):
        assert same(one, other)
    assert sizes == [5, 5] * 4 + [3, 3]
    assert all(map(torch.equal, images.in_order(10), streamed.in_order(10)))
    assert sizes[-3:] == [10, 10, 3]


def test_chosen_rows_are_served_from_where_the_images_are() -> None:
    images, labels = noise_split(30, seed=0)
    rows = np.array([7, 3, 29, 11])
    placed = partial(ImageSet, device=CPU, image_size=8, mean=(0.5, 0.25, 0.125), std=(0.25, 0.5, 1.0))
    chosen, copied = placed(images, labels[rows], rows=rows), placed(images[rows], labels[rows])
    assert chosen._images.data_ptr() == images.ctypes.data
    assert len(chosen) == 4
    for one, other in zip(chosen.in_order(3), copied.in_order(3), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(chosen.batch(torch.tensor([2, 0])), copied.batch(torch.tensor([2, 0])), strict=True):
        assert torch.equal(one, other)
