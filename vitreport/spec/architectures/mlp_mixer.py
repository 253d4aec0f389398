"""The spec of MLP-Mixer."""

from typing import Literal

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.base import Fraction, PositiveInt, Ratio


class MLPMixerSpec(ArchitectureSpec):
    """MLP-Mixer (Tolstikhin et al. 2021, arXiv:2105.01601): multilayer perceptrons mix patches, then channels.

    The defaults are those of the published S/16.
    """

    title = "MLP-Mixer"
    citation = "tolstikhin2021mixer"

    name: Literal["mlp-mixer"] = "mlp-mixer"
    patch_size: PositiveInt = 16
    num_blocks: PositiveInt = 8
    embed_dim: PositiveInt = 512
    token_mlp_ratio: Ratio = 0.5
    channel_mlp_ratio: Ratio = 4.0
    drop_rate: Fraction = 0.0
    drop_path_rate: Fraction = 0.0
