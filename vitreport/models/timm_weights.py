"""Weights of timm's architectures: those of its hub, and how a file's are made to fit."""

import hashlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from vitreport.errors import Problem, RecordError, ResourceError, SpecError
from vitreport.models.memory import is_out_of_memory
from vitreport.models.timm import reason_of, sized_network
from vitreport.models.weights import Weights
from vitreport.spec.architectures.timm import TimmSpec

CLIENTS = ("huggingface_hub", "httpx", "httpcore", "requests")  # whose errors are about the way to the hub


def hub_weights(spec: TimmSpec, image_size: int, note: Callable[[str], None]) -> Weights:
    """What timm's hub has of an architecture, for images of this size; `note` is told that the hub is asked.

    Raises SpecError where it has none, ResourceError where it cannot be reached, RecordError where they do not fit.
    """
    import timm
    from huggingface_hub.constants import ENDPOINT

    published = timm.get_pretrained_cfg(spec.architecture)
    if published is None or not published.has_weights:
        raise SpecError(problems=[Problem("model.pretrained", f"timm has no weights of {spec.architecture}")])
    name = f"timm/{published.architecture}.{published.tag}"
    note(f"asking {ENDPOINT.partition('://')[2]} for {name}")
    with _errors_told(spec.architecture), _silent():
        network = sized_network(spec, image_size, pretrained=True)
    statistics = (tuple(published.mean), tuple(published.std))
    return Weights(name, _cached_digest(published), network.state_dict(), channel_statistics=statistics)


@contextmanager
def _errors_told(architecture: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of the way to the hub, or whatever timm makes of a file
        if is_out_of_memory(error):
            raise
        if not _is_unreachable(error):
            told = f"timm's weights of {architecture} do not load: {type(error).__name__}: {reason_of(error)}"
            raise RecordError(told, "give a file: --weights FILE") from error
        raise _unreachable(architecture, error) from error


def _is_unreachable(error: Exception) -> bool:
    return isinstance(error, OSError) or any(kind.__module__.startswith(CLIENTS) for kind in type(error).__mro__)


def _unreachable(architecture: str, error: Exception) -> ResourceError:
    from huggingface_hub.constants import HF_HUB_CACHE

    reason = reason_of(error.__cause__ or error)
    fault = f"the weights of {architecture} are not in the cache and cannot be downloaded: {reason}"
    return ResourceError(
        fault, f"fill {HF_HUB_CACHE} (HF_HOME) where there is a network, or give a file: --weights FILE"
    )


@contextmanager
def _silent() -> Iterator[None]:
    """Without the lines that timm and the hub's client log."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


def _cached_digest(published: Any) -> str | None:
    """The SHA-256 of the file in the hub's cache that timm has read."""
    from huggingface_hub import try_to_load_from_cache

    for file in (published.hf_hub_filename, "model.safetensors", "pytorch_model.bin"):
        if file and isinstance(path := try_to_load_from_cache(published.hf_hub_id, file), str):
            with Path(path).open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest()
    return None


def adapted_weights(network: nn.Module, weights: Weights) -> Weights:
    """Weights from a file as timm adapts those of its hub: former names renewed, position embeddings resampled."""
    adapt = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if adapt is None:
        return weights
    try:
        return replace(weights, tensors=adapt(dict(weights.tensors), network))
    except Exception as error:  # whatever an architecture makes of another's weights
        if is_out_of_memory(error):
            raise
        fault = f"{weights.source}: timm cannot read weights of this network in it: {reason_of(error)}"
        raise RecordError(fault) from error
