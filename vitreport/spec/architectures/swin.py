"""The spec of Swin Transformer."""

from typing import Annotated, Literal

from pydantic import Field

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, divisors, patch_problems
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Fraction, PositiveInt, Ratio


class SwinSpec(ArchitectureSpec):
    """Swin Transformer; the defaults make a small one for small images."""

    title = "Swin Transformer"
    citation = "liu2021swin"
    description = (
        "Swin Transformer (Liu et al. 2021, arXiv:2103.14030): patches attend to each other within local windows, in "
        "one or more stages."
    )

    name: Literal["swin"] = "swin"
    patch_size: PositiveInt = 4
    embed_dim: PositiveInt = 64
    depths: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=8)] = (2, 2, 8, 2)
    num_heads: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=8)] = (2, 4, 8, 16)
    window_size: PositiveInt = 8
    mlp_ratio: Ratio = 4.0
    drop_rate: Fraction = 0.0
    drop_path_rate: Fraction = 0.1

    def problems(self, data: DataSpec) -> list[Problem]:
        if found := patch_problems(self.patch_size, data.image_size):
            return found
        return [*self._window_problems(data.image_size // self.patch_size), *self._stage_problems()]

    def _window_problems(self, grid: int) -> list[Problem]:
        if grid % self.window_size == 0:
            return []
        return [
            Problem(
                "model.window_size",
                f"{self.window_size} does not divide the grid of {grid} x {grid} patches",
                f"one of {', '.join(map(str, divisors(grid)))}",
            )
        ]

    def _stage_problems(self) -> list[Problem]:
        if len(self.depths) != len(self.num_heads):
            stages = f"{len(self.num_heads)} stages, model.depths has {len(self.depths)}"
            return [Problem("model.num_heads", stages, "give one number for each stage")]
        return [
            Problem(
                "model.num_heads", f"{heads} does not divide the width {self.embed_dim * 2**stage} of stage {stage}"
            )
            for stage, heads in enumerate(self.num_heads)
            if self.embed_dim * 2**stage % heads
        ]
