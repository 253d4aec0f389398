"""The specs of Perceiver and Perceiver IO."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.base import Fraction, PositiveInt, added_later, from_dataset
from vitreport.spec.data import CHANNELS


class PerceiverSpec(ArchitectureSpec):
    """Perceiver (Jaegle et al. 2021, arXiv:2103.03206): latent vectors attend to the pixels in every layer.

    Each pixel is a token with Fourier features of its position. `weight_tie_layers` shares the weights of all layers
    but the first. The defaults are the published "medium" for CIFAR-10.
    """

    title = "Perceiver"
    citation = "jaegle2021perceiver"

    name: Literal["perceiver"] = "perceiver"
    num_freq_bands: PositiveInt = 6
    max_freq: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    depth: PositiveInt = 4
    num_latents: PositiveInt = 32
    latent_dim: PositiveInt = 32
    cross_heads: PositiveInt = 1
    latent_heads: PositiveInt = 8
    cross_dim_head: PositiveInt = 16
    latent_dim_head: PositiveInt = 16
    self_per_cross_attn: PositiveInt = 2
    attn_dropout: Fraction = 0.2
    ff_dropout: Fraction = 0.2
    weight_tie_layers: bool = False


class PerceiverIOSpec(ArchitectureSpec):
    """Perceiver IO (Jaegle et al. 2021, arXiv:2107.14795): latent vectors attend to the image or its patches.

    The image is one token or a token for each patch. `dim` is the width of a token: its pixel values and, for a patch,
    the Fourier features of its position (the position, and its sine and cosine for each of `num_freq_bands` frequencies
    up to `max_freq` / 2, along both axes). The output query is drawn from a standard normal distribution or uniformly
    from [0, 1) (`query_init`). It is trained with the network unless `query_trained` is false.
    """

    title = "Perceiver IO"
    citation = "jaegle2021perceiverio"

    name: Literal["perceiver-io"] = "perceiver-io"
    dim: PositiveInt = from_dataset()
    queries_dim: PositiveInt = from_dataset()
    logits_dim: PositiveInt = from_dataset()
    depth: PositiveInt = 2
    num_latents: PositiveInt = 32
    latent_dim: PositiveInt = 64
    cross_heads: PositiveInt = 1
    latent_heads: PositiveInt = 8
    cross_dim_head: PositiveInt = 128
    latent_dim_head: PositiveInt = 128
    weight_tie_layers: bool = False
    decoder_ff: bool = False
    patch_size: PositiveInt | None = added_later(default=None)
    num_freq_bands: PositiveInt = added_later(default=6)
    max_freq: Annotated[float, Field(gt=0, le=1e6)] = added_later(default=10.0)
    query_init: Literal["normal", "uniform"] = added_later(default="normal")
    query_trained: bool = added_later(default=True)

    @classmethod
    def derive_fields(cls, given: Mapping[str, Any], image_size: int, num_classes: int) -> dict[str, int]:
        """Return the widths of a token and of the output query."""
        patch_size = given.get("patch_size")
        bands = given.get("num_freq_bands", cls.model_fields["num_freq_bands"].default)
        dim = CHANNELS * image_size**2
        if isinstance(patch_size, int) and isinstance(bands, int):
            dim = CHANNELS * patch_size**2 + 2 * (2 * bands + 1)  # Fourier features along both axes
        return {"dim": dim, "queries_dim": num_classes, "logits_dim": num_classes}
