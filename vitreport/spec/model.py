"""The spec of a model: the one list of the architectures, which differ by `name`."""

from typing import Annotated

from pydantic import BaseModel, Field

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverIOSpec, PerceiverSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.architectures.tnt import AnyTNTSpec
from vitreport.spec.section import members, tag_of

ModelSpec = Annotated[
    PerceiverIOSpec | PerceiverSpec | MLPMixerSpec | SwinSpec | AnyTNTSpec | TimmSpec, Field(discriminator="name")
]
"""A new architecture joins here and in `vitreport.models.registry`, where mypy misses it."""


MODEL_SPECS = [kind for kind in members(ModelSpec) if issubclass(kind, ArchitectureSpec)]
ARCHITECTURES: dict[str, type[ArchitectureSpec]] = {}
"""The architectures by name, in the order in which they are listed; of two implementations the default one."""
for _kind in MODEL_SPECS:
    ARCHITECTURES.setdefault(_kind.model_fields["name"].default, _kind)


def implementations(kind: type[BaseModel]) -> list[type[ArchitectureSpec]]:
    """Return the specs of the architecture of that name: one, or one for each implementation."""
    return [other for other in MODEL_SPECS if tag_of(other) == tag_of(kind)]
