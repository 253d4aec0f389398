"""The spec of a model: the one list of the architectures, which differ by `name`."""

from typing import Annotated

from pydantic import Field

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverIOSpec, PerceiverSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.architectures.tnt import TNTSpec
from vitreport.spec.base import members, tag_of

ModelSpec = Annotated[
    PerceiverIOSpec | PerceiverSpec | MLPMixerSpec | SwinSpec | TNTSpec | TimmSpec, Field(discriminator="name")
]
"""A new architecture joins here and in `vitreport.models.registry`, where mypy misses it."""

ARCHITECTURES = {str(tag_of(kind)): kind for kind in members(ModelSpec) if issubclass(kind, ArchitectureSpec)}
"""The architectures by name, in the order in which they are listed."""
