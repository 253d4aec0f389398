"""The specs of TNT: timm's network, and that of the package transformer-in-transformer."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Tag

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.section import Fraction, PositiveInt, Ratio, added_later

TIMM, PACKAGE = "timm", "transformer-in-transformer"


class TNTSpec(ArchitectureSpec):
    """The fields that both implementations have."""

    title = "Transformer in Transformer"
    citation = "han2021tnt"
    divisors: ClassVar[dict[str, str]] = {"pixel_size": "patch_size"}

    name: Literal["tnt"] = "tnt"
    implementation: str
    patch_size: PositiveInt = 4
    pixel_size: PositiveInt = 2
    embed_dim: PositiveInt = 512
    inner_dim: PositiveInt = 24
    depth: PositiveInt = 6
    num_heads: PositiveInt = 8


class TimmTNTSpec(TNTSpec):
    """Transformer in Transformer (Han et al. 2021, arXiv:2103.00112): one within each patch, one on the patches.

    The inner transformer has width `inner_dim` and `inner_heads` heads, the outer one `embed_dim` and `num_heads`. A
    pixel is a square of `pixel_size` pixels of the image. `proj_drop_rate` is the dropout after each projection and in
    each MLP, `drop_rate` that before the classifier. `implementation` chooses timm's network, or that of the package
    transformer-in-transformer; a spec must not name a field of the other one.
    """

    divisors: ClassVar[dict[str, str]] = {**TNTSpec.divisors, "num_heads": "embed_dim", "inner_heads": "inner_dim"}

    implementation: Literal["timm"] = added_later(default=TIMM)
    inner_heads: PositiveInt = 4
    mlp_ratio: Ratio = 4.0
    qkv_bias: bool = False
    drop_rate: Fraction = 0.0
    pos_drop_rate: Fraction = 0.0
    proj_drop_rate: Fraction = 0.1
    attn_drop_rate: Fraction = 0.1
    drop_path_rate: Fraction = 0.0


class PackageTNTSpec(TNTSpec):
    """Transformer in Transformer, as the package transformer-in-transformer builds it.

    Both transformers have `num_heads` heads of width `dim_head`. `attn_dropout` follows the projection of each
    attention, `ff_dropout` is inside each MLP.
    """

    # The run ids of this network were first made from one spec with the fields of both.
    hashed_also: ClassVar[dict[str, Any]] = {
        name: field.default for name, field in TimmTNTSpec.model_fields.items() if name not in TNTSpec.model_fields
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
