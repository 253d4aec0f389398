"""Weights of timm's architectures: those of its hub, and how a file's are made to fit."""

import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from torch import nn

from vitreport.errors import Problem, RecordError, ResourceError, SpecError
from vitreport.models.memory import is_out_of_memory
from vitreport.models.timm import reason_of, sized_network
from vitreport.models.weights import Weights
from vitreport.reading import file_digest
from vitreport.spec.architectures.timm import TimmSpec

FILES = (  # as timm calls them
    *("model.safetensors", "pytorch_model.bin"),
    *("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
)
CLIENTS = ("huggingface_hub", "httpx", "httpcore", "requests")  # whose errors are about the way to the hub


def hub_weights(spec: TimmSpec, image_size: int, note: Callable[[str], None]) -> Weights:
    """What timm's hub has of an architecture, for images of this size; `note` is told that the hub is asked.

    Raises SpecError where it has none, ResourceError where it cannot be reached, RecordError where they do not fit.
    """
    import timm
    from huggingface_hub.constants import ENDPOINT, is_offline_mode

    published = timm.get_pretrained_cfg(spec.architecture)
    if published is None or not published.has_weights:
        raise SpecError(problems=[Problem("model.pretrained", f"timm has no weights of {spec.architecture}")])
    name = f"timm/{published.architecture}.{published.tag}"
    if published.hf_hub_id and _cached_file(published) is None:
        _refuse_without_way(spec.architecture)
    if not is_offline_mode():
        note(f"asking {urlsplit(ENDPOINT).netloc} for {name}")
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
        raise _unreachable(architecture, reason_of(error.__cause__ or error)) from error


def _refuse_without_way(architecture: str) -> None:
    """Raises ResourceError at once where the hub's client may not go there, or would try for minutes to find it."""
    from huggingface_hub.constants import ENDPOINT, is_offline_mode

    if is_offline_mode():
        raise _unreachable(architecture, "HF_HUB_OFFLINE is set")
    host = urlsplit(ENDPOINT).hostname
    if not getproxies():
        try:
            socket.getaddrinfo(host, None)
        except OSError as error:
            raise _unreachable(architecture, f"{host}: {(error.strerror or str(error)).lower()}") from error


def _is_unreachable(error: Exception) -> bool:
    return isinstance(error, OSError) or any(kind.__module__.startswith(CLIENTS) for kind in type(error).__mro__)


def _unreachable(architecture: str, reason: str) -> ResourceError:
    from huggingface_hub.constants import HF_HUB_CACHE

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
    path = _cached_file(published)
    return file_digest(path) if path else None


def _cached_file(published: Any) -> Path | None:
    """The file in the hub's cache that timm reads: safetensors where there are both."""
    from huggingface_hub import try_to_load_from_cache

    own = published.hf_hub_filename
    for file in (str(Path(own).with_suffix(".safetensors")), own, *FILES) if own else FILES:
        if isinstance(path := try_to_load_from_cache(published.hf_hub_id, file), str):
            return Path(path)
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
