"""Weights of timm's architectures: those of its hub, and how a file's are made to fit."""

import hashlib
import sys
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn

from vitreport.errors import Problem, RecordError, ResourceError, SpecError
from vitreport.models.timm import reason_of, sized_network
from vitreport.spec.architectures.timm import TimmSpec


def hub_weights(spec: TimmSpec, image_size: int) -> tuple[str, str | None, dict[str, Tensor]]:
    """What timm's hub has of an architecture, for images of this size: where from, the file's SHA-256, the tensors.

    Raises SpecError where it has none, ResourceError where it cannot be reached, RecordError where they do not fit.
    """
    import timm
    from huggingface_hub.constants import HF_HUB_CACHE

    published = timm.get_pretrained_cfg(spec.architecture)
    if published is None or not published.has_weights:
        raise SpecError(problems=[Problem("model.pretrained", f"timm has no weights of {spec.architecture}")])
    try:
        network = sized_network(spec, image_size, pretrained=True)
    except (RuntimeError, SafetensorError, UnpicklingError) as error:
        raise RecordError(f"timm's weights of {spec.architecture} do not load: {reason_of(error)}") from error
    except Exception as error:  # of the network below the hub's client, which has many of its own
        reason = reason_of(error.__cause__ or error)
        fault = f"the weights of {spec.architecture} are not in the cache and cannot be downloaded: {reason}"
        hint = f"fill {HF_HUB_CACHE} (HF_HOME) where there is a network, or give a file: --weights FILE"
        raise ResourceError(fault, hint) from error
    return f"timm/{published.architecture}.{published.tag}", _cached_digest(published), network.state_dict()


def _cached_digest(published: Any) -> str | None:
    """The SHA-256 of the file in the hub's cache that timm has read."""
    from huggingface_hub import try_to_load_from_cache

    for file in (published.hf_hub_filename, "model.safetensors", "pytorch_model.bin"):
        if file and isinstance(path := try_to_load_from_cache(published.hf_hub_id, file), str):
            with Path(path).open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest()
    return None


def adapted_weights(network: nn.Module, tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """Weights from a file as timm adapts those of its hub: former names renewed, position embeddings resampled."""
    adapt = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if adapt is None:
        return tensors
    try:
        adapted: dict[str, Tensor] = adapt(dict(tensors), network)
    except Exception as error:  # whatever an architecture makes of another's weights
        raise RecordError(f"{source}: timm cannot read weights of this network in it: {reason_of(error)}") from error
    return adapted
