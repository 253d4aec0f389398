"""The spec of Perceiver."""

from typing import Annotated, Literal

from pydantic import Field

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.section import Fraction, PositiveInt


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
