"""What is told where the weights of timm's hub do not come."""

import logging
from collections.abc import Callable
from typing import Any

import huggingface_hub.errors
import pytest
import torch
from torch import nn

from tests.models.small import IMAGE_SIZE
from vitreport.errors import ResourceError, SpecError
from vitreport.models import timm
from vitreport.models.timm import adapted_weights, hub_weights
from vitreport.models.weights import Weights
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.training.device import memory_errors

SPEC = TimmSpec(architecture="resnet10t", pretrained=True)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        logging.getLogger("timm.models._builder").warning("a raw line")
        raise error

    return fail


def asked(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    """What is noted where the hub is asked, which raises."""
    noted: list[str] = []
    monkeypatch.setattr(timm, "sized_network", failing(error))
    with memory_errors("loading the weights"):
        hub_weights(SPEC, IMAGE_SIZE, noted.append)
    return noted


UNUSABLE = "timm's weights of resnet10t cannot be loaded: "
CLIENT_ERROR = huggingface_hub.errors.HfHubHTTPError.__mro__[1]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory loading the weights"),
        (MemoryError(), "out of memory loading the weights"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            "out of memory loading the weights",
        ),
        (ConnectionError("refused"), f"{UNUSABLE}refused"),
        (CLIENT_ERROR("no route"), f"{UNUSABLE}no route"),
        (caused(FileNotFoundError("not here"), OSError("no name")), f"{UNUSABLE}no name"),
        (huggingface_hub.errors.XetDownloadError("cut off"), f"{UNUSABLE}cut off"),
        (RuntimeError("size mismatch"), f"{UNUSABLE}size mismatch"),
    ],
)
def test_each_failure_is_told_as_what_it_is(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ResourceError) as told:
        asked(monkeypatch, error)
    assert told.value.message == said
    assert caplog.records == []
    assert logging.root.manager.disable == logging.NOTSET


@pytest.mark.parametrize("architecture", ["mixer_s32_224", "gcvit_xxtiny"])
def test_weights_that_the_hub_lacks_are_not_asked_for(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are none of the first; those of the second are at a URL elsewhere."""
    monkeypatch.setattr(timm, "sized_network", lambda *_, **__: pytest.fail("it asks"))
    with pytest.raises(SpecError) as error:
        hub_weights(TimmSpec(architecture=architecture, pretrained=True), IMAGE_SIZE, pytest.fail)
    (problem,) = error.value.problems
    assert problem.message == f"timm has no weights of {architecture} on the Hugging Face Hub"
    assert "--weights" in problem.hint


def test_memory_that_does_not_suffice_is_not_the_fault_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Linear(1, 1)
    monkeypatch.setattr("torch.nn.modules.linear.checkpoint_filter_fn", failing(MemoryError()), raising=False)
    with pytest.raises(MemoryError):
        adapted_weights(network, Weights("a.pth", None, {}))
