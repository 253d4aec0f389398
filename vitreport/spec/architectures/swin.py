"""The spec of Swin Transformer."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, divisor_problems
from vitreport.spec.base import Fraction, PositiveInt, Ratio
from vitreport.spec.data import DataSpec

Stages = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=8)]


class SwinSpec(ArchitectureSpec):
    """Swin Transformer (Liu et al. 2021, arXiv:2103.14030): patches attend to each other within local windows.

    It has one or more stages. The defaults make a small one for small images.
    """

    title = "Swin Transformer"
    citation = "liu2021swin"

    name: Literal["swin"] = "swin"
    patch_size: PositiveInt = 4
    embed_dim: PositiveInt = 64
    depths: Stages = (2, 2, 8, 2)
    num_heads: Stages = (2, 4, 8, 16)
    window_size: PositiveInt = 8
    mlp_ratio: Ratio = 4.0
    drop_rate: Fraction = 0.0
    drop_path_rate: Fraction = 0.1

    def problems(self, data: DataSpec) -> Iterator[Problem]:
        """Yield what does not fit the dataset, or does not fit together."""
        yield from super().problems(data)
        if data.image_size % self.patch_size == 0:
            grid = data.image_size // self.patch_size
            yield from divisor_problems("window_size", self.window_size, grid, f"the grid of {grid} x {grid} patches")
        if len(self.depths) != len(self.num_heads):
            fault = f"{len(self.num_heads)} stages, model.depths has {len(self.depths)}"
            yield Problem("model.num_heads", fault, "give one number for each stage")
        for stage, heads in enumerate(self.num_heads):
            width = self.embed_dim * 2**stage
            yield from divisor_problems("num_heads", heads, width, f"the width {width} of stage {stage}")
