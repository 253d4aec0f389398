"""The specs of TNT: timm's network, and that of the package transformer-in-transformer."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Tag

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, divisors, patch_problems
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Fraction, PositiveInt, Ratio, added_later

TIMM, PACKAGE = "timm", "transformer-in-transformer"


class TNTSpec(ArchitectureSpec):
    """Transformer in Transformer: the fields that both implementations have."""

    title = "Transformer in Transformer"
    citation = "han2021tnt"
    description = (
        "Transformer in Transformer (Han et al. 2021, arXiv:2103.00112): an inner transformer works on the pixels of "
        "each patch, an outer one on the patches.\n\n"
        "The inner one has width `inner_dim`, the outer one `embed_dim`. A pixel is a square of `pixel_size` pixels\n"
        'of the image. `implementation` chooses the network. "timm" has `num_heads` outer and `inner_heads` inner\n'
        "heads; `proj_drop_rate` is its dropout after each projection and in each MLP, `drop_rate` that before the\n"
        'classifier. "transformer-in-transformer" is the package of that name: both transformers have `num_heads`\n'
        "heads of width `dim_head`; `attn_dropout` follows the projection of each attention, `ff_dropout` is inside\n"
        "each MLP. A spec must not name a field of the other implementation."
    )

    name: Literal["tnt"] = "tnt"
    implementation: str
    patch_size: PositiveInt = 4
    pixel_size: PositiveInt = 2
    embed_dim: PositiveInt = 512
    inner_dim: PositiveInt = 24
    depth: PositiveInt = 6
    num_heads: PositiveInt = 8

    def problems(self, data: DataSpec) -> list[Problem]:
        problems = patch_problems(self.patch_size, data.image_size)
        if self.patch_size % self.pixel_size:
            fault = f"{self.pixel_size} does not divide model.patch_size = {self.patch_size}"
            hint = f"one of {', '.join(map(str, divisors(self.patch_size)))}"
            problems.append(Problem("model.pixel_size", fault, hint))
        return problems


class TimmTNTSpec(TNTSpec):
    """Transformer in Transformer as timm builds it; the default."""

    implementation: Literal["timm"] = added_later(default=TIMM)
    inner_heads: PositiveInt = 4
    mlp_ratio: Ratio = 4.0
    qkv_bias: bool = False
    drop_rate: Fraction = 0.0
    pos_drop_rate: Fraction = 0.0
    proj_drop_rate: Fraction = 0.1
    attn_drop_rate: Fraction = 0.1
    drop_path_rate: Fraction = 0.0

    def problems(self, data: DataSpec) -> list[Problem]:
        widths = {"num_heads": "embed_dim", "inner_heads": "inner_dim"}
        return super().problems(data) + [
            Problem(f"model.{heads}", f"{getattr(self, heads)} does not divide model.{width} = {getattr(self, width)}")
            for heads, width in widths.items()
            if getattr(self, width) % getattr(self, heads)
        ]


class PackageTNTSpec(TNTSpec):
    """Transformer in Transformer as the package transformer-in-transformer builds it."""

    # The run ids of this network were first made from one spec with the fields of both, at timm's defaults then.
    hashed_also: ClassVar[dict[str, Any]] = {
        "inner_heads": 4,
        "mlp_ratio": 4.0,
        "qkv_bias": False,
        "drop_rate": 0.0,
        "pos_drop_rate": 0.0,
        "proj_drop_rate": 0.1,
        "attn_drop_rate": 0.1,
        "drop_path_rate": 0.0,
    }

    implementation: Literal["transformer-in-transformer"] = added_later()
    dim_head: PositiveInt = added_later(default=64)
    attn_dropout: Fraction = added_later(default=0.1)
    ff_dropout: Fraction = added_later(default=0.1)


def _implementation(given: Any) -> str:
    """Choose timm's network unless the other one is named: the first specs named none."""
    named = given.get("implementation") if isinstance(given, dict) else getattr(given, "implementation", TIMM)
    return PACKAGE if named == PACKAGE else TIMM


AnyTNTSpec = Annotated[
    Annotated[TimmTNTSpec, Tag(TIMM)] | Annotated[PackageTNTSpec, Tag(PACKAGE)], Discriminator(_implementation)
]
