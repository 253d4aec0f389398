"""Values that are each allowed, but not together."""

from typing import Any

import pytest

from .composing import PERCEIVER, composed, problems

FLIP = {"name": "horizontal_flip"}
MIXTURE: dict[str, Any] = {"name": "mixture", "operations": [FLIP]}


@pytest.mark.parametrize(
    ("table", "field", "said"),
    [
        (
            {**PERCEIVER, "data": {"num_classes": 3}, "model": {**PERCEIVER["model"], "queries_dim": 10}},
            "model.queries_dim",
            "must be 3 for this dataset",
        ),
        ({"model": {"name": "perceiver-io", "dim": 100}}, "model.dim", "must be 3072 for this dataset"),
        (
            {"model": {"name": "mlp-mixer", "patch_size": 64}},
            "model.patch_size",
            "64 does not divide data.image_size = 32",
        ),
        (
            {"model": {"name": "mlp-mixer", "patch_size": 5}},
            "model.patch_size",
            "5 does not divide data.image_size = 32",
        ),
        (
            {"model": {"name": "swin", "window_size": 3}},
            "model.window_size",
            "3 does not divide the grid of 8 x 8 patches",
        ),
        ({"model": {"name": "swin", "num_heads": [2, 4, 8]}}, "model.num_heads", "3 stages, model.depths has 4"),
        (
            {"model": {"name": "swin", "num_heads": [2, 4, 8, 7]}},
            "model.num_heads",
            "7 does not divide the width 512 of stage 3",
        ),
        ({"model": {"name": "tnt", "patch_size": 5}}, "model.patch_size", "5 does not divide data.image_size = 32"),
        ({"model": {"name": "tnt", "pixel_size": 3}}, "model.pixel_size", "3 does not divide model.patch_size = 4"),
        ({"model": {"name": "tnt", "num_heads": 7}}, "model.num_heads", "7 does not divide model.embed_dim = 512"),
        ({"model": {"name": "tnt", "inner_heads": 5}}, "model.inner_heads", "5 does not divide model.inner_dim = 24"),
        (
            {"model": {"name": "timm", "architecture": "resnet18", "arguments": {"num_classes": 3}}},
            "model.arguments.num_classes",
            "comes from data.num_classes",
        ),
        (
            {**PERCEIVER, "schedule": {"warmup_epochs": 9}, "train": {"epochs": 8}},
            "schedule.warmup_epochs",
            "9.0 is more than train.epochs = 8",
        ),
        (
            {**PERCEIVER, "schedule": {"name": "cosine", "lag_epochs": 2}},
            "schedule.lag_epochs",
            'needs schedule.interval = "epoch"',
        ),
        (
            {**PERCEIVER, "schedule": {"name": "cosine", "interval": "epoch", "warmup_epochs": 1.5}},
            "schedule.warmup_epochs",
            'must be a whole number with schedule.interval = "epoch"',
        ),
        (
            {**PERCEIVER, "data": {"validation_fraction": 0}},
            "train.selection",
            '"val" needs a validation split, but data.validation_fraction = 0',
        ),
        (
            {**PERCEIVER, "optimizer": {"name": "sgd", "nesterov": True, "momentum": 0}},
            "optimizer.nesterov",
            "needs momentum, but optimizer.momentum = 0",
        ),
        (
            {
                **PERCEIVER,
                "data": {"augment": [{"name": "horizontal_flip"}, {"name": "random_crop", "padding": 33}]},
            },
            "data.augment.1.padding",
            "33 is larger than data.image_size = 32",
        ),
        (
            {**PERCEIVER, "data": {"augment": [MIXTURE | {"minimum": 3, "maximum": 2}]}},
            "data.augment.0.minimum",
            "3 is larger than data.augment.0.maximum = 2",
        ),
        (
            {
                **PERCEIVER,
                "data": {"augment": [MIXTURE | {"operations": [FLIP, {"name": "random_crop", "padding": 33}]}]},
            },
            "data.augment.0.operations.1.padding",
            "33 is larger than data.image_size = 32",
        ),
        (
            {**PERCEIVER, "data": {"augment": [FLIP, {"name": "rand_augment", "magnitude": 31}]}},
            "data.augment.1.magnitude",
            "must be less than data.augment.1.num_magnitude_bins = 31",
        ),
    ],
)
def test_fields_that_do_not_fit_together_are_told_with_other_problems(
    table: dict[str, Any], field: str, said: str
) -> None:
    assert problems(table)[field].message == said
    found = problems(table, {"seed": -1})
    assert found[field].message == said
    assert found["seed"].origin == "layer 2"


@pytest.mark.parametrize(
    "table",
    [
        {"optimizer": {"name": "sgd", "nesterov": True}},
        {"optimizer": {"name": "sgd", "momentum": 0}},
        {"data": {"augment": [{"name": "random_crop", "padding": 32}]}},
        {"data": {"augment": [MIXTURE | {"minimum": 2, "maximum": 2}]}},
        {"schedule": {"name": "cosine", "interval": "epoch", "lag_epochs": 2, "warmup_epochs": 2.0}},
        {"schedule": {"name": "cosine", "warmup_epochs": 1.5}},
        {"data": {"augment": [{"name": "rand_augment", "magnitude": 30}]}},
    ],
)
def test_the_outermost_values_that_still_fit_together(table: dict[str, Any]) -> None:
    composed({**PERCEIVER, **table})


def test_a_patch_that_does_not_fit_is_met_with_those_that_do() -> None:
    found = problems({"model": {"name": "swin", "patch_size": 12}})["model.patch_size"]
    assert found.hint == "use one of 1, 2, 4, 8, 16, 32"
