"""The spec of TNT."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from vitreport.errors import Problem
from vitreport.spec.architectures.base import ArchitectureSpec, divisors, patch_problems
from vitreport.spec.data import DataSpec
from vitreport.spec.section import Fraction, PositiveInt, Ratio, added_later

Implementation = Literal["timm", "transformer-in-transformer"]
FIELDS_OF: dict[str, frozenset[str]] = {
    "timm": frozenset(
        {
            "inner_heads",
            "mlp_ratio",
            "qkv_bias",
            "drop_rate",
            "pos_drop_rate",
            "proj_drop_rate",
            "attn_drop_rate",
            "drop_path_rate",
        }
    ),
    "transformer-in-transformer": frozenset({"dim_head", "attn_dropout", "ff_dropout"}),
}
"""The fields that only one of the implementations has; the others are common to both."""


class TNTSpec(ArchitectureSpec):
    """Transformer in Transformer."""

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
    implementation: Implementation = added_later(default="timm")
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
    def absent(cls, given: Mapping[str, Any]) -> frozenset[str]:
        implementation = given.get("implementation")
        others = [fields for name, fields in FIELDS_OF.items() if name != implementation]
        return frozenset[str]().union(*others) if len(others) < len(FIELDS_OF) else frozenset()

    def problems(self, data: DataSpec) -> list[Problem]:
        grid = [*patch_problems(self.patch_size, data.image_size), *self._pixel_problems()]
        return [*grid, *(self._head_problems() if self.implementation == "timm" else []), *self._absent_problems()]

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

    def _absent_problems(self) -> list[Problem]:
        """One problem for each field that is given although the chosen implementation does not have it."""
        absent = self.absent({"implementation": self.implementation})
        fault = f"is not a field of model.implementation = {self.implementation}"
        return [
            Problem(f"model.{field}", fault, f"remove it, or set model.implementation={owner}")
            for owner, fields in FIELDS_OF.items()
            for field in type(self).model_fields
            if field in fields & absent & self.model_fields_set
        ]

    @model_serializer(mode="wrap")
    def _without_absent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what the chosen implementation does not have, so that a saved spec can be read again."""
        absent = self.absent({"implementation": self.implementation})
        return {name: value for name, value in serialize(self).items() if name not in absent}
