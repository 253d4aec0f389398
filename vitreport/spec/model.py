"""The spec of a model: a union with one member for each architecture, told apart by `name`."""

from typing import Annotated, get_args

from pydantic import Field

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverSpec
from vitreport.spec.architectures.perceiver_io import PerceiverIOSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.architectures.tnt import TNTSpec

ModelSpec = Annotated[
    PerceiverIOSpec | PerceiverSpec | MLPMixerSpec | SwinSpec | TNTSpec | TimmSpec, Field(discriminator="name")
]
ARCHITECTURES: tuple[type[ArchitectureSpec], ...] = get_args(get_args(ModelSpec)[0])
