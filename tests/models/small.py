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
}


def small_model(name: str) -> dict[str, Any]:
    """The model section of a spec."""
    assert name in SMALL_MODELS, f"{name} has no small version: write one into SMALL_MODELS"
    return {"name": name, **SMALL_MODELS[name]}
