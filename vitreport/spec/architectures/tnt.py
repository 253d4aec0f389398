"""The spec of TNT."""

from typing import Literal

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, divisors, patch_problems
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Fraction, PositiveInt, Ratio


class TNTSpec(ArchitectureSpec):
    """Transformer in Transformer."""

    description = (
        "Transformer in Transformer (Han et al. 2021, arXiv:2103.00112): an inner transformer works on the pixels of "
        "each patch, an outer one on the patches.\n\n"
        "The inner one has `inner_dim` and `inner_heads`, the outer one `embed_dim` and `num_heads`. A pixel is a\n"
        "square of `pixel_size` pixels of the image. `proj_drop_rate` is the dropout after each projection and in\n"
        "each MLP, `drop_rate` that before the classifier."
    )

    name: Literal["tnt"] = "tnt"
    patch_size: PositiveInt = 4
    pixel_size: PositiveInt = 2
    embed_dim: PositiveInt = 512
    inner_dim: PositiveInt = 24
    depth: PositiveInt = 6
    num_heads: PositiveInt = 8
    inner_heads: PositiveInt = 4
    mlp_ratio: Ratio = 4.0
    qkv_bias: bool = False
    drop_rate: Fraction = 0.0
    pos_drop_rate: Fraction = 0.0
    proj_drop_rate: Fraction = 0.1
    attn_drop_rate: Fraction = 0.1
    drop_path_rate: Fraction = 0.0

    def problems(self, data: DataSpec) -> list[Problem]:
        return [*patch_problems(self.patch_size, data.image_size), *self._pixel_problems(), *self._head_problems()]

    def _pixel_problems(self) -> list[Problem]:
        if self.patch_size % self.pixel_size == 0:
            return []
        fault = f"{self.pixel_size} does not divide model.patch_size = {self.patch_size}"
        return [Problem("model.pixel_size", fault, f"one of {', '.join(map(str, divisors(self.patch_size)))}")]

    def _head_problems(self) -> list[Problem]:
        widths = {"num_heads": "embed_dim", "inner_heads": "inner_dim"}
        return [
            Problem(f"model.{heads}", f"{getattr(self, heads)} does not divide model.{width} = {getattr(self, width)}")
            for heads, width in widths.items()
            if getattr(self, width) % getattr(self, heads)
        ]
