"""Every architecture small enough to be trained for some steps in a moment."""

from typing import Any

IMAGE_SIZE = 16
NUM_CLASSES = 10
SMALL_MODELS: dict[str, dict[str, Any]] = {
    "perceiver-io": {
        "num_latents": 8,
        "latent_dim": 16,
        "latent_heads": 2,
        "cross_dim_head": 16,
        "latent_dim_head": 16,
        "dim": 3 * IMAGE_SIZE**2,
        "queries_dim": NUM_CLASSES,
        "logits_dim": NUM_CLASSES,
    },
    "perceiver": {
        "num_freq_bands": 2,
        "depth": 3,
        "num_latents": 4,
        "latent_dim": 8,
        "latent_heads": 2,
        "cross_dim_head": 8,
        "latent_dim_head": 8,
        "self_per_cross_attn": 1,
        "weight_tie_layers": True,
    },
    "mlp-mixer": {"patch_size": 4, "embed_dim": 16, "num_blocks": 2, "drop_rate": 0.1, "drop_path_rate": 0.1},
    "swin": {
        "patch_size": 2,
        "embed_dim": 16,
        "depths": [1, 2],
        "num_heads": [2, 4],
        "window_size": 4,
        "drop_rate": 0.1,
        "drop_path_rate": 0.1,
    },
    "tnt": {
        "embed_dim": 16,
        "inner_dim": 8,
        "depth": 2,
        "num_heads": 2,
        "inner_heads": 2,
        "drop_rate": 0.1,
        "pos_drop_rate": 0.1,
        "drop_path_rate": 0.1,
    },
    "timm": {
        "architecture": "resnet10t",
        "arguments": {"channels": [8, 8, 16, 16], "stem_width": 8, "output_stride": 8, "drop_path_rate": 0.1},
    },
}
REQUIRED: dict[str, dict[str, Any]] = {"timm": {"architecture": "resnet18"}}
"""What the spec of an architecture cannot be without."""


def small_model(name: str) -> dict[str, Any]:
    """The model section of a spec."""
    assert name in SMALL_MODELS, f"{name} has no small version: write one into SMALL_MODELS"
    return {"name": name, **SMALL_MODELS[name]}
