"""Several processes compute what one does, up to rounding."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed, nn

from tests.models.small import SMALL_MODELS, small_model
from tests.training.ranks import in_ranks, noise_images, train_each
from vitreport.data.batches import TrainingBatches, own_positions
from vitreport.spec.augment import HorizontalFlipSpec, MixSpec, RandomCropSpec
from vitreport.spec.data import DataSpec
from vitreport.training import parallel

NO_DROPOUT: dict[str, dict[str, Any]] = {
    "perceiver": {"attn_dropout": 0.0, "ff_dropout": 0.0},
    "mlp-mixer": {"drop_rate": 0.0, "drop_path_rate": 0.0},
    "swin": {"drop_rate": 0.0, "drop_path_rate": 0.0},
    "tnt": dict.fromkeys(("drop_rate", "pos_drop_rate", "drop_path_rate", "proj_drop_rate", "attn_drop_rate"), 0.0),
    "timm": {
        "architecture": "vit_tiny_patch16_224",
        "arguments": {"patch_size": 4, "embed_dim": 16, "depth": 1, "num_heads": 2},
    },
}
"""What an architecture must leave out to compute the same in several processes, as batch normalization does not."""
RICH_DATA = {
    "augment": [{"name": "horizontal_flip"}, {"name": "color_jitter", "brightness": 0.4}],
    "mix": {"mixup_alpha": 0.8, "cutmix_alpha": 1.0},
}
STEP = {"batch_size": 10, "label_smoothing": 0.1, "clip_norm": 1.0}
IMAGES = 112
"""101 for training: 10 batches of ten, and one of a single image, which only the first process gets."""


def spec_of(name: str, **train: Any) -> dict[str, Any]:
    model = {**small_model(name), **NO_DROPOUT.get(name, {})}
    return {"model": model, "data": RICH_DATA, "train": {**STEP, **train}}


SPECS = [*map(spec_of, SMALL_MODELS), spec_of("swin", precision="bfloat16"), spec_of("mlp-mixer", batch_size=25)]
WITH_BATCH_NORM = {"model": small_model("timm"), "train": {"batch_size": 12}}


@pytest.fixture(scope="module")
def alone() -> list[dict[str, Any]]:
    (answers,) = in_ranks(1, train_each, SPECS, IMAGES)
    return list(answers)


@pytest.mark.parametrize(("world_size", "count"), [(2, len(SPECS)), (3, 2)])
def test_several_processes_compute_what_one_does(alone: list[dict[str, Any]], world_size: int, count: int) -> None:
    """With mixing, label smoothing, clipping, and a last batch of fewer images than processes."""
    specs = SPECS[:count]
    first, *others = in_ranks(world_size, train_each, specs, IMAGES)
    for spec, expected, found in zip(specs, alone[:count], first, strict=True):
        name = spec["model"]["name"]
        tolerance = 2e-2 if spec["train"].get("precision") else 2e-4
        assert len(expected["losses"]) == 2 * -(-101 // spec["train"]["batch_size"])
        assert found["losses"] == pytest.approx(expected["losses"], rel=tolerance), name
        assert found["weights"] == pytest.approx(expected["weights"], rel=tolerance), name
        for before, after in zip(expected["epochs"], found["epochs"], strict=True):
            assert {key: value[2] for key, value in before.items()} == {key: value[2] for key, value in after.items()}
            for split, (loss, correct, _) in before.items():
                assert after[split][0] == pytest.approx(loss, rel=tolerance), name
                assert abs(after[split][1] - correct) <= 1, name
        assert {key: value[0] for key, value in found["logits"].items()} == {"train": 101, "val": 11, "test": 30}
    for other in others:
        assert other == first, "the processes must never differ"


def test_processes_agree_with_local_batch_normalization() -> None:
    """Each normalizes over its own images; all measure with the statistics of the first."""
    first, second = in_ranks(2, train_each, [WITH_BATCH_NORM], IMAGES - 4)
    assert first == second
    assert first[0]["losses"][-1] < first[0]["losses"][0]


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_processes_share_a_batch_and_keep_partners_together(count: int, world_size: int) -> None:
    shares = [own_positions(count, count, rank, world_size) for rank in range(world_size)]
    assert sorted(np.concatenate(shares)) == list(range(count))
    assert len(shares[0]) > 0
    for each in shares:
        assert (each[::-1] == count - 1 - each).all()
        assert (np.diff(each) > 0).all()


def test_processes_prepare_the_images_of_one_process_in_shares() -> None:
    """Augmented and mixed as in the whole batch."""
    images, augment = noise_images(23), (HorizontalFlipSpec(), RandomCropSpec(padding=2))
    data = DataSpec(
        dataset="digits", image_size=8, num_classes=10, augment=augment, mix=MixSpec(mixup_alpha=0.8, cutmix_alpha=1.0)
    )
    whole = list(TrainingBatches(images, data, 5, 0).epoch(1, first_step=1))
    parts = [list(TrainingBatches(images, data, 5, 0, rank, 2).epoch(1, first_step=1)) for rank in range(2)]
    for step, (batch, targets) in enumerate(whole):
        for rank in range(2):
            own = own_positions(len(targets), len(targets), rank, 2)
            assert (parts[rank][step][0] == batch[own]).all()
            assert (parts[rank][step][1] == targets[own]).all()


def test_shared_gradients_keep_the_layout_of_their_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fused optimizer reads both in the order of the memory."""
    model = nn.Conv2d(3, 4, 3, bias=False).to(memory_format=torch.channels_last)
    model(torch.rand(2, 3, 8, 8)).square().sum().backward()
    gradient = model.weight.grad
    assert gradient is not None
    before = gradient.clone()
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_reduce", lambda flat: flat.mul_(2))
    parallel.all_reduce_gradients(model, torch.ones(()), torch.tensor([1.0, 2.0]))
    assert model.weight.grad is not None
    torch.testing.assert_close(model.weight.grad, before)
    assert model.weight.grad.stride() == model.weight.stride()
