"""Any classification model of timm, checked where it is built, and the weights on timm's hub."""

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

from vitreport.errors import Problem, RecordError, ResourceError, SpecError
from vitreport.models.weights import Weights, library_errors, reason_of
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.data import CHANNELS
from vitreport.spec.model import ModelSpec
from vitreport.suggestions import did_you_mean
from vitreport.untrusted_files import file_digest

FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def build_timm(spec: TimmSpec, image_size: int, num_classes: int) -> nn.Module:
    """Build a network from images (B, 3, image_size, image_size) to logits (B, num_classes), or raise SpecError."""
    import timm

    name, _, tag = spec.architecture.partition(".")
    fault = hint = ""
    if not timm.is_model(name):
        fault, hint = "timm has no such model", did_you_mean(name, timm.list_models())
    elif tag and not timm.is_model_pretrained(spec.architecture):
        fault, hint = "timm has no such weights", did_you_mean(spec.architecture, timm.list_pretrained(f"{name}.*"))
    if fault:
        raise SpecError(problems=[Problem("model.architecture", fault, hint, repr(spec.architecture))])
    with timm_errors(spec, f"be built for images of {image_size} x {image_size} pixels"):
        network = sized_network(spec, image_size, num_classes=num_classes)
        with torch.no_grad():
            logits = network.eval()(torch.zeros(1, CHANNELS, image_size, image_size))
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if shape != (1, num_classes):
        fault = f"gives {shape} for one image, not (1, {num_classes}) logits"
        raise SpecError(problems=[Problem("model.architecture", fault, value=repr(spec.architecture))])
    return network.train()


def timm_errors(spec: ModelSpec, action: str) -> AbstractContextManager[None]:
    """Turn whatever a network of timm raises where it cannot do `action` into a SpecError."""
    if not isinstance(spec, TimmSpec):
        return nullcontext()
    field = "model.arguments" if spec.arguments else "model.architecture"
    fault = f"{spec.architecture} cannot {action}: "
    return library_errors(lambda error: SpecError(problems=[Problem(field, fault + reason_of(error))]))


def sized_network(spec: TimmSpec, image_size: int, **keywords: Any) -> nn.Module:
    """Build the network for images of this size: some architectures take the size as a keyword, others refuse it."""
    import timm  # takes seconds

    create: Callable[..., nn.Module] = partial(timm.create_model, spec.architecture, **spec.arguments, **keywords)
    try:
        return create(img_size=image_size)
    except TypeError as error:
        if not str(error).endswith("keyword argument 'img_size'"):
            raise
        return create()


def hub_weights(spec: TimmSpec, image_size: int, note: Callable[[str], None]) -> Weights:
    """Load the weights of an architecture from timm's hub; `note` receives a line when the hub is asked.

    Raises SpecError if there are none, ResourceError if they cannot be loaded.
    """
    import timm
    from huggingface_hub import constants

    published = timm.get_pretrained_cfg(spec.architecture)
    if published is None or not published.hf_hub_id:  # timm knows others by a URL alone
        fault = f"timm has no weights of {spec.architecture} on the Hugging Face Hub"
        raise SpecError(problems=[Problem("model.pretrained", fault, "use --weights FILE, or another architecture")])
    name = f"timm/{published.architecture}.{published.tag}"
    fault = f"timm's weights of {spec.architecture} cannot be loaded: "
    hint = f"fill {constants.HF_HUB_CACHE} (HF_HOME) on a machine with network access, or use --weights FILE"
    if not constants.is_offline_mode():
        note(f"asking {urlsplit(constants.ENDPOINT).netloc} for {name}")
    logged = logging.root.manager.disable
    logging.disable()  # the lines of timm and of the hub's client
    try:
        with library_errors(lambda error: ResourceError(fault + reason_of(error.__cause__ or error), hint)):
            network = sized_network(spec, image_size, pretrained=True)
    finally:
        logging.disable(logged)
    file = _cached_file(published)
    statistics = (tuple(published.mean), tuple(published.std))
    return Weights(name, file_digest(file) if file else None, network.state_dict(), channel_statistics=statistics)


def adapted_weights(network: nn.Module, weights: Weights) -> Weights:
    """Adapt weights from a file as timm adapts those of its hub: rename old names, resample position embeddings."""
    adapt = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if adapt is None:
        return weights
    fault = f"{weights.source}: timm cannot read weights of this network in it: "
    with library_errors(lambda error: RecordError(fault + reason_of(error))):
        return replace(weights, tensors=adapt(dict(weights.tensors), network))


def _cached_file(published: Any) -> Path | None:
    """Return the file in the hub's cache that timm reads: safetensors where there are both."""
    from huggingface_hub import try_to_load_from_cache

    own = published.hf_hub_filename
    names = (str(Path(own).with_suffix(".safetensors")), own) if own else FILES
    paths = (try_to_load_from_cache(published.hf_hub_id, name) for name in names)
    return next((Path(path) for path in paths if isinstance(path, str)), None)
