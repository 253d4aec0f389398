"""The spec of TNT: timm's network, or that of the package transformer-in-transformer."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, divisor_problems
from vitreport.spec.base import Fraction, PositiveInt, Ratio, added_later
from vitreport.spec.data import DataSpec

TIMM, PACKAGE = "timm", "transformer-in-transformer"
PACKAGE_FIELDS = {"dim_head", "attn_dropout", "ff_dropout"}
RATES = {"drop_rate", "pos_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate"}
TIMM_FIELDS = {"inner_heads", "mlp_ratio", "qkv_bias"} | RATES


class TNTSpec(ArchitectureSpec):
    """Transformer in Transformer (Han et al. 2021, arXiv:2103.00112): one within each patch, one on the patches.

    `implementation` chooses timm's network, or that of the package transformer-in-transformer. A pixel is a square of
    `pixel_size` pixels of the image. The inner transformer has width `inner_dim`, the outer one `embed_dim`.

    timm's network has `inner_heads` heads in the inner transformer and `num_heads` in the outer one; `proj_drop_rate`
    is the dropout after each projection and in each MLP, `drop_rate` that before the classifier. In the package's, both
    have `num_heads` heads of width `dim_head`; `attn_dropout` follows the projection of each attention, `ff_dropout` is
    inside each MLP. A spec must not name a field of the other implementation.
    """

    title = "TNT"
    citation = "han2021tnt"

    name: Literal["tnt"] = "tnt"
    implementation: Literal["timm", "transformer-in-transformer"] = added_later(default="timm")
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
    dim_head: PositiveInt = added_later(default=64)
    attn_dropout: Fraction = added_later(default=0.1)
    ff_dropout: Fraction = added_later(default=0.1)

    @classmethod
    def fields_with(cls, given: Mapping[str, Any]) -> set[str]:
        """Return the fields without those that only the other implementation has."""
        other = PACKAGE_FIELDS if given.get("implementation", TIMM) == TIMM else TIMM_FIELDS
        return super().fields_with(given) - other

    @model_serializer(mode="wrap")
    def _own_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        own = self.fields_with(dict(self))
        return {name: value for name, value in serialize(self).items() if name in own}

    def problems(self, data: DataSpec) -> Iterator[Problem]:
        """Yield the fields of the other implementation, and what does not fit the dataset or does not fit together."""
        yield from super().problems(data)
        hint = f"it needs model.implementation={PACKAGE if self.implementation == TIMM else TIMM}"
        for field in sorted(self.model_fields_set - self.fields_with(dict(self))):
            yield Problem(f"model.{field}", "unknown field", hint)
        divisors = {"pixel_size": "patch_size"}
        if self.implementation == TIMM:
            divisors |= {"num_heads": "embed_dim", "inner_heads": "inner_dim"}
        for field, whole in divisors.items():
            number = getattr(self, whole)
            yield from divisor_problems(field, getattr(self, field), number, f"model.{whole} = {number}")
