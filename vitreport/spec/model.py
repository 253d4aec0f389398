"""The spec of a model: a union with one member for each architecture, told apart by `name`.

A field that follows from the data set (`dim`, `queries_dim`) is filled in by `derived` where the user
leaves it out, and compared by `problems` where he gives it.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from vitreport.errors import Problem
from vitreport.spec.data import CHANNELS, DataSpec
from vitreport.spec.section import Fraction, PositiveInt, Section


class ArchitectureSpec(Section):
    """What every architecture's spec can say about itself and a data set."""

    @classmethod
    def derived(cls, image_size: int, num_classes: int) -> dict[str, int]:
        """The fields that follow from the data set."""
        return {}

    def problems(self, data: DataSpec) -> list[Problem]:
        """What does not fit the data set."""
        return []


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


class MLPMixerSpec(ArchitectureSpec):
    """MLP-Mixer (Tolstikhin et al. 2021, arXiv:2105.01601); the defaults are its S/16."""

    name: Literal["mlp-mixer"] = "mlp-mixer"
    patch_size: PositiveInt = 16
    num_blocks: PositiveInt = 8
    embed_dim: PositiveInt = 512
    token_mlp_ratio: Annotated[float, Field(gt=0, le=16)] = 0.5
    channel_mlp_ratio: Annotated[float, Field(gt=0, le=16)] = 4.0
    drop_rate: Fraction = 0.0
    drop_path_rate: Fraction = 0.0

    def problems(self, data: DataSpec) -> list[Problem]:
        return patch_problems(self.patch_size, data.image_size)


class SwinSpec(ArchitectureSpec):
    """Swin Transformer (Liu et al. 2021, arXiv:2103.14030); the defaults are a small one for small images."""

    name: Literal["swin"] = "swin"
    patch_size: PositiveInt = 4
    embed_dim: PositiveInt = 64
    depths: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=8)] = (2, 2, 8, 2)
    num_heads: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=8)] = (2, 4, 8, 16)
    window_size: PositiveInt = 8
    mlp_ratio: Annotated[float, Field(gt=0, le=16)] = 4.0
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


ModelSpec = Annotated[PerceiverIOSpec | MLPMixerSpec | SwinSpec, Field(discriminator="name")]
ARCHITECTURES: tuple[type[ArchitectureSpec], ...] = get_args(get_args(ModelSpec)[0])


def patch_problems(patch_size: int, image_size: int) -> list[Problem]:
    """What is wrong with a grid of square patches on a square image."""
    if patch_size > image_size:
        fault = f"{patch_size} is larger than data.image_size = {image_size}"
    elif image_size % patch_size:
        fault = f"{patch_size} does not divide data.image_size = {image_size}"
    else:
        return []
    return [Problem("model.patch_size", fault, f"one of {', '.join(map(str, divisors(image_size)))}")]


def divisors(number: int) -> list[int]:
    return [candidate for candidate in range(1, number + 1) if number % candidate == 0]
