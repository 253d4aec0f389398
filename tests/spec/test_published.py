"""The presets of the published study against a table of what was published, written apart from them."""

import math
from typing import Any

import pytest

from vitreport.spec.augment import MixSpec
from vitreport.spec.compose import compose
from vitreport.spec.load import preset_facts, preset_names, read_preset
from vitreport.spec.run import RunSpec
from vitreport.training.optimizers import learning_rate_at
from vitreport.training.setup import CHANNEL_STATISTICS

from .pinned import describe

CIFAR = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
SCALED = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
UNCHANGED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

FLIP = ("horizontal_flip", {"probability": 0.5})
JITTER = ("color_jitter", {"brightness": 0.5, "contrast": 0.0, "saturation": 0.0, "hue": 0.25})
CROP_AND_FLIP = [("random_crop", {"padding": 4}), FLIP]
HEAVY = [
    ("color_jitter", {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.2}),
    FLIP,
    ("vertical_flip", {"probability": 0.5}),
    ("random_rotation", {"degrees": (0.0, 180.0), "interpolation": "nearest"}),
    (
        "random_affine",
        {
            "degrees": (-15.0, 15.0),
            "translate": (0.2, 0.2),
            "scale": (0.8, 1.2),
            "shear": (-15.0, 15.0),
            "interpolation": "bilinear",
        },
    ),
    ("equalize", {"probability": 0.5}),
    ("autocontrast", {"probability": 0.5}),
    ("sharpness", {"factor": 2.0, "probability": 0.5}),
]
CROPPED = ("random_resized_crop", {"scale": (0.5, 1.0), "ratio": (3 / 4, 4 / 3)})

ADAM = {"name": "adam", "betas": (0.9, 0.999), "weight_decay": 0.0}
ADAMW = {"name": "adamw", "betas": (0.9, 0.999), "weight_decay": 0.01}

Facts = dict[str, Any]


def perceiver_io(dim: int, classes: int, latents: int, width: int, head: int, epochs: int, **data: Any) -> Facts:
    model = {
        "dim": dim,
        "queries_dim": classes,
        "logits_dim": classes,
        "depth": 2,
        "num_latents": latents,
        "latent_dim": width,
        "cross_heads": 1,
        "latent_heads": 8,
        "cross_dim_head": head,
        "latent_dim_head": head,
        "weight_tie_layers": False,
        "decoder_ff": False,
        "patch_size": None,
        "query_init": "uniform",
        "query_trained": True,
    }
    return {"model": model, "optimizer": ADAMW, "lr": 3e-4, "batch": 128, "epochs": epochs, **data}


def perceiver(size: tuple[int, int, int, int, int], dropout: float, lr: float, batch: int, epochs: int) -> Facts:
    depth, latents, width, cross, latent = size
    model = {
        "num_freq_bands": 6,
        "max_freq": 10.0,
        "depth": depth,
        "num_latents": latents,
        "latent_dim": width,
        "cross_heads": 1,
        "latent_heads": 8,
        "cross_dim_head": cross,
        "latent_dim_head": latent,
        "self_per_cross_attn": 2,
        "attn_dropout": dropout,
        "ff_dropout": dropout,
        "weight_tie_layers": False,
    }
    return {"model": model, "optimizer": ADAMW, "lr": lr, "batch": batch, "epochs": epochs}


def mixer(lr: float, batch: int) -> Facts:
    model = {"patch_size": 16, "num_blocks": 8, "embed_dim": 512, "token_mlp_ratio": 0.5, "channel_mlp_ratio": 4.0}
    return {
        "model": model,
        "optimizer": ADAM,
        "lr": lr,
        "batch": batch,
        "epochs": 20,
        "augment": [FLIP, JITTER],
        "normalization": UNCHANGED,
    }


def swin(window: int, batch: int) -> Facts:
    model = {
        "patch_size": 4,
        "embed_dim": 64,
        "depths": (2, 2, 8, 2),
        "num_heads": (2, 4, 8, 16),
        "window_size": window,
        "mlp_ratio": 4.0,
        "drop_rate": 0.0,
        "drop_path_rate": 0.1,
    }
    return {
        "model": model,
        "optimizer": ADAM,
        "lr": 5e-4,
        "batch": batch,
        "epochs": 30,
        "augment": CROP_AND_FLIP,
        "normalization": CIFAR,
    }


def tnt(epochs: int, batch: int) -> Facts:
    model = {
        "implementation": "transformer-in-transformer",
        "patch_size": 4,
        "pixel_size": 2,
        "embed_dim": 512,
        "inner_dim": 24,
        "depth": 6,
        "num_heads": 8,
        "dim_head": 64,
        "attn_dropout": 0.1,
        "ff_dropout": 0.1,
    }
    return {
        "model": model,
        "optimizer": ADAM,
        "lr": 1e-4,
        "batch": batch,
        "epochs": epochs,
        "augment": CROP_AND_FLIP,
        "normalization": CIFAR,
        "lag": True,
    }


def tuned(architecture: str, lr: float, batch: int, epochs: int, **data: Any) -> Facts:
    model = {"architecture": architecture, "pretrained": True, "arguments": {}}
    return {"model": model, "optimizer": ADAM, "lr": lr, "batch": batch, "epochs": epochs, "size": 224, **data}


MEDIUM, LARGE, XLARGE = (4, 32, 32, 16, 16), (4, 32, 64, 32, 32), (6, 48, 96, 32, 64)
XLARGE_TINY = (6, 48, 96, 48, 48)
HEAVY_8: Facts = {"mixture": HEAVY, "normalization": CIFAR}
HEAVY_9: Facts = {"mixture": [*HEAVY, CROPPED], "normalization": CIFAR}
HEAVY_9_PLAIN: Facts = HEAVY_9 | {"normalization": UNCHANGED}
MIXER, SWIN, TNT = "mixer_b16_224", "swin_base_patch4_window7_224", "tnt_s_patch16_224"
MIXER_DATA: Facts = {"augment": [FLIP, JITTER], "normalization": SCALED}
TNT_DATA: Facts = {"augment": CROP_AND_FLIP, "normalization": CIFAR, "lag": True}


def swin_data(padding: int) -> Facts:
    """The published crop comes before the resizing: a padding of 4 pixels there is one of 4 * 224 / size here."""
    return {"augment": [("random_crop", {"padding": padding}), FLIP], "normalization": CIFAR}


PUBLISHED: dict[str, Facts] = {
    "perceiver-io-cifar10": perceiver_io(3072, 10, 32, 64, 128, 21, augment=[FLIP, JITTER], normalization=SCALED),
    "perceiver-io-stl10": perceiver_io(27648, 10, 96, 192, 64, 9, **HEAVY_9),
    "perceiver-io-tinyimagenet": perceiver_io(12288, 200, 32, 64, 64, 17, **HEAVY_9),
    "perceiver-cifar10": perceiver(MEDIUM, 0.2, 1e-3, 64, 100) | HEAVY_8,
    "perceiver-cifar10-large": perceiver(LARGE, 0.3, 3e-4, 64, 100) | HEAVY_8,
    "perceiver-cifar10-xlarge": perceiver(XLARGE, 0.3, 3e-4, 64, 100) | HEAVY_8,
    "perceiver-stl10": perceiver(MEDIUM, 0.2, 3e-4, 32, 200) | HEAVY_9,
    "perceiver-stl10-large": perceiver(LARGE, 0.3, 3e-4, 32, 200) | HEAVY_9,
    "perceiver-stl10-xlarge": perceiver(XLARGE, 0.3, 3e-4, 32, 200) | HEAVY_9,
    "perceiver-tinyimagenet": perceiver(LARGE, 0.2, 3e-4, 64, 100) | HEAVY_9_PLAIN,
    "perceiver-tinyimagenet-xlarge": perceiver(XLARGE_TINY, 0.2, 3e-4, 64, 100) | HEAVY_9_PLAIN,
    "mlp-mixer-cifar10": mixer(1e-3, 512),
    "mlp-mixer-stl10": mixer(1e-4, 256),
    "mlp-mixer-tinyimagenet": mixer(1e-2, 512),
    f"timm-{MIXER}-cifar10": tuned(MIXER, 5e-5, 32, 2, **MIXER_DATA),
    f"timm-{MIXER}-stl10": tuned(MIXER, 5e-5, 32, 2, **MIXER_DATA),
    f"timm-{MIXER}-tinyimagenet": tuned(MIXER, 5e-5, 32, 1, **MIXER_DATA),
    "swin-cifar10": swin(8, 1024),
    "swin-stl10": swin(12, 16),
    "swin-tinyimagenet": swin(8, 16),
    f"timm-{SWIN}-cifar10": tuned(SWIN, 5e-4, 16, 1, **swin_data(28)),
    f"timm-{SWIN}-stl10": tuned(SWIN, 5e-4, 16, 1, **swin_data(9)),
    f"timm-{SWIN}-tinyimagenet": tuned(SWIN, 5e-4, 16, 1, **swin_data(14)),
    "tnt-cifar10": tnt(30, 64),
    "tnt-stl10": tnt(30, 64),
    "tnt-tinyimagenet": tnt(10, 128),
    f"timm-{TNT}-cifar10": tuned(TNT, 1e-5, 64, 5, **TNT_DATA),
    f"timm-{TNT}-stl10": tuned(TNT, 1e-4, 64, 5, **TNT_DATA),
    f"timm-{TNT}-tinyimagenet": tuned(TNT, 1e-5, 128, 5, **TNT_DATA),
}
SIZES = {"cifar10": 32, "stl10": 96, "tinyimagenet": 64}


def spec_of(name: str) -> RunSpec:
    return compose([read_preset(name)], describe).spec


def test_every_preset_of_the_study_is_in_the_table() -> None:
    own = [name for name in preset_names() if not name.endswith(("-digits", "-strong", "-quick"))]
    assert sorted(PUBLISHED) == own


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_is_what_was_published(name: str) -> None:
    facts, spec = PUBLISHED[name], spec_of(name)
    model = spec.model.model_dump()
    assert {field: model[field] for field in facts["model"]} == facts["model"]
    assert spec.optimizer.model_dump() == facts["optimizer"] | {"learning_rate": facts["lr"]}
    assert (spec.train.batch_size, spec.train.epochs) == (facts["batch"], facts["epochs"])
    assert spec.data.image_size == facts.get("size", SIZES[spec.data.dataset])
    assert CHANNEL_STATISTICS[spec.data.normalization] == facts["normalization"]
    assert augmentation(spec) == {key: facts[key] for key in ("augment", "mixture") if key in facts}
    assert shares(spec) == pytest.approx(published_shares(facts))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_protocol_trains_on_all_images_and_selects_nothing(name: str) -> None:
    spec = spec_of(name)
    train = spec.train
    assert (spec.data.validation_fraction, spec.data.limit, spec.data.mix) == (0.0, None, MixSpec())
    assert (train.selection, train.label_smoothing, train.clip_norm) == ("last", 0.0, None)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_header_says_what_is_published_inferred_and_corrected(name: str) -> None:
    facts = preset_facts(name)
    kinds = [kind for line in facts if (kind := line.partition(":")[0]) in ("Published", "Inferred", "Corrected")]
    assert kinds == ["Published", "Inferred", "Corrected"]
    assert "one seed" in " ".join(facts)


def augmentation(spec: RunSpec) -> Facts:
    """The operations one after the other, or the list of which a mixture draws 1 to 4."""
    entries = [(entry.name, entry) for entry in spec.data.augment]
    if [name for name, _ in entries] != ["mixture"]:
        return {"augment": [(name, entry.model_dump(exclude={"name"})) for name, entry in entries]}
    mixture: Any = entries[0][1]
    assert (mixture.minimum, mixture.maximum) == (1, 4)
    return {"mixture": [(each.name, each.model_dump(exclude={"name"})) for each in mixture.operations]}


def shares(spec: RunSpec) -> list[float]:
    """The share of the learning rate at the first and last step of each epoch of 7."""
    spec = spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update={"learning_rate": 1.0})})
    return [learning_rate_at(7 * epoch + step, spec, 7) for epoch in range(spec.train.epochs) for step in (0, 6)]


def published_shares(facts: Facts) -> list[float]:
    epochs: int = facts["epochs"]
    if "lag" not in facts:
        return [1.0] * 2 * epochs
    each = [1.0, *((1 + math.cos(math.pi * (k - 2) / epochs)) / 2 for k in range(1, epochs))]
    return [share for share in each for _ in range(2)]
