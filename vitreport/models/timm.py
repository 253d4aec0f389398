"""Any classification model of timm, and the weights on its hub.

Only timm knows its names and their keywords, so that they are checked where the network is built.
"""

import logging
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from torch import Tensor, nn

from vitreport.errors import Problem, RecordError, ResourceError, SpecError
from vitreport.formatting import did_you_mean
from vitreport.models.tnt import with_dropout_out_of_place
from vitreport.models.weights import Weights, is_out_of_memory, reason_of
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.data import CHANNELS
from vitreport.spec.model import ModelSpec
from vitreport.untrusted_files import file_digest

REFUSED_KEYWORD = re.compile(
    r"(\w+)(?:\.__init__)?\(\) got (an unexpected|multiple values for) keyword argument '(\w+)'"
)
FILES = (  # as timm calls them
    *("model.safetensors", "pytorch_model.bin"),
    *("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
)
CLIENTS = ("huggingface_hub", "httpx", "httpcore", "requests")  # whose errors are about the way to the hub


def build_timm(spec: TimmSpec, image_size: int, num_classes: int) -> nn.Module:
    """Images (B, 3, image_size, image_size) to logits (B, num_classes).

    Raises:
        SpecError: If timm has no such architecture or keyword, or the network does not fit the images.
    """
    _check_name(spec.architecture)
    try:
        network = sized_network(spec, image_size, num_classes=num_classes)
    except Exception as error:  # whatever a constructor makes of keywords that it does not expect
        if is_out_of_memory(error):
            raise
        raise SpecError(problems=[_constructor_problem(spec, error)]) from error
    try:
        logits = _logits(with_dropout_out_of_place(network), image_size)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever an architecture makes of a size or keywords that it was not written for
        raise SpecError(problems=[_misfit(spec, image_size, error)]) from error
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if shape != (1, num_classes):
        fault = f"gives {shape} for one image, not (1, {num_classes}) logits"
        raise SpecError(problems=[Problem("model.architecture", fault, value=repr(spec.architecture))])
    return network.train()


@contextmanager
def trial_errors(spec: ModelSpec) -> Iterator[None]:
    """Turn whatever a network of timm's raises while it is tried in training into a SpecError about its arguments."""
    try:
        yield
    except Exception as error:
        if not isinstance(spec, TimmSpec) or isinstance(error, SpecError) or is_out_of_memory(error):
            raise
        fault = f"{spec.architecture} cannot be trained with these settings: {reason_of(error)}"
        raise SpecError(problems=[Problem(_field_at_fault(spec), fault)]) from error


def sized_network(spec: TimmSpec, image_size: int, **keywords: Any) -> nn.Module:
    """Build the network for images of this size: some architectures take the size as a keyword, others refuse it."""
    import timm  # takes seconds

    network: nn.Module
    try:
        network = timm.create_model(spec.architecture, img_size=image_size, **spec.arguments, **keywords)
    except TypeError as error:
        refused = REFUSED_KEYWORD.search(str(error))
        if not refused or refused[3] != "img_size":
            raise
        network = timm.create_model(spec.architecture, **spec.arguments, **keywords)
    return network


def hub_weights(spec: TimmSpec, image_size: int, note: Callable[[str], None]) -> Weights:
    """What timm's hub has of an architecture, for images of this size; `note` receives a line when the hub is asked.

    Raises:
        SpecError: If it has none.
        ResourceError: If it cannot be reached.
        RecordError: If they do not fit.
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
    logged = logging.root.manager.disable
    logging.disable()  # the lines of timm and of the hub's client
    try:
        network = sized_network(spec, image_size, pretrained=True)
    except Exception as error:  # of the way to the hub, or whatever timm makes of a file
        if is_out_of_memory(error):
            raise
        if isinstance(error, OSError) or any(kind.__module__.startswith(CLIENTS) for kind in type(error).__mro__):
            raise _unreachable(spec.architecture, reason_of(error.__cause__ or error)) from error
        fault = f"timm's weights of {spec.architecture} do not load: {type(error).__name__}: {reason_of(error)}"
        raise RecordError(fault, "give a file: --weights FILE") from error
    finally:
        logging.disable(logged)
    file = _cached_file(published)
    statistics = (tuple(published.mean), tuple(published.std))
    return Weights(name, file_digest(file) if file else None, network.state_dict(), channel_statistics=statistics)


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


def _check_name(architecture: str) -> None:
    import timm

    name, _, tag = architecture.partition(".")
    if not timm.is_model(name):
        fault, hint = "timm has no such model", did_you_mean(name, timm.list_models())
    elif tag and not timm.is_model_pretrained(architecture):
        fault, hint = "timm has no such weights", did_you_mean(architecture, timm.list_pretrained(f"{name}.*"))
    else:
        return
    raise SpecError(problems=[Problem("model.architecture", fault, hint, repr(architecture))])


def _field_at_fault(spec: TimmSpec) -> str:
    return "model.arguments" if spec.arguments else "model.architecture"


def _constructor_problem(spec: TimmSpec, error: Exception) -> Problem:
    """What timm found wrong with the arguments, in the words of a spec."""
    import timm

    refused = REFUSED_KEYWORD.search(str(error))
    if refused is None or refused[3] not in spec.arguments:
        return Problem(_field_at_fault(spec), f"timm cannot build {spec.architecture}: {reason_of(error)}")
    taker, kind, keyword = refused.groups()
    field, value = f"model.arguments.{keyword}", repr(spec.arguments[keyword])
    if kind == "multiple values for":
        return Problem(field, f"is fixed by {spec.architecture}", "leave it out", value)
    module = sys.modules[timm.model_entrypoint(spec.architecture.partition(".")[0]).__module__]
    known = signature(getattr(module, taker)).parameters if hasattr(module, taker) else ()
    return Problem(field, f"{spec.architecture} takes no such keyword", did_you_mean(keyword, known), value)


def _logits(network: nn.Module, image_size: int) -> Any:
    with torch.no_grad():
        return network.eval()(torch.zeros(1, CHANNELS, image_size, image_size))


def _misfit(spec: TimmSpec, image_size: int, error: Exception) -> Problem:
    """The keywords are at fault where the network runs without them, else the size of the images."""
    if spec.arguments:
        try:
            _logits(sized_network(spec.model_copy(update={"arguments": {}}), image_size), image_size)
        except Exception as other:
            if is_out_of_memory(other):
                raise
        else:
            return Problem("model.arguments", f"{spec.architecture} does not run with these: {reason_of(error)}")
    fault = f"{spec.architecture} does not run at this size: {reason_of(error)}"
    return Problem("data.image_size", fault, value=str(image_size))


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


def _unreachable(architecture: str, reason: str) -> ResourceError:
    from huggingface_hub.constants import HF_HUB_CACHE

    fault = f"the weights of {architecture} are not in the cache and cannot be downloaded: {reason}"
    return ResourceError(
        fault, f"fill {HF_HUB_CACHE} (HF_HOME) where there is a network, or give a file: --weights FILE"
    )


def _cached_file(published: Any) -> Path | None:
    """The file in the hub's cache that timm reads: safetensors where there are both."""
    from huggingface_hub import try_to_load_from_cache

    own = published.hf_hub_filename
    for file in (str(Path(own).with_suffix(".safetensors")), own, *FILES) if own else FILES:
        if isinstance(path := try_to_load_from_cache(published.hf_hub_id, file), str):
            return Path(path)
    return None
