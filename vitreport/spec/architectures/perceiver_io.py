"""The spec of Perceiver IO."""

from typing import Literal

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.data import CHANNELS, DataSpec
from vitreport.spec.section import PositiveInt


class PerceiverIOSpec(ArchitectureSpec):
    """Perceiver IO (Jaegle et al. 2021, arXiv:2107.14795): the whole image is one token of `dim` values."""

    name: Literal["perceiver-io"] = "perceiver-io"
    dim: PositiveInt
    queries_dim: PositiveInt
    logits_dim: PositiveInt
    depth: PositiveInt = 2
    num_latents: PositiveInt = 32
    latent_dim: PositiveInt = 64
    cross_heads: PositiveInt = 1
    latent_heads: PositiveInt = 8
    cross_dim_head: PositiveInt = 128
    latent_dim_head: PositiveInt = 128
    weight_tie_layers: bool = False
    decoder_ff: bool = False

    @classmethod
    def derived(cls, image_size: int, num_classes: int) -> dict[str, int]:
        return {"dim": CHANNELS * image_size**2, "queries_dim": num_classes, "logits_dim": num_classes}

    def problems(self, data: DataSpec) -> list[Problem]:
        reasons = {
            "dim": f"{CHANNELS} x {data.image_size} x {data.image_size}, the values of one image",
            "queries_dim": f"data.num_classes of {data.dataset}",
            "logits_dim": f"data.num_classes of {data.dataset}",
        }
        return [
            Problem(f"model.{field}", f"{getattr(self, field)} is not {value} ({reasons[field]})", "leave it out")
            for field, value in self.derived(data.image_size, data.num_classes).items()
            if getattr(self, field) != value
        ]
