"""What is told where the weights of timm's hub do not come."""

import logging
from collections.abc import Callable
from typing import Any

import huggingface_hub.errors
import pytest
import torch
from torch import nn

from tests.models.small import IMAGE_SIZE
from vitreport.errors import RecordError, ResourceError, VitreportError
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


UNREACHABLE = "the weights of resnet10t are not in the cache and cannot be downloaded: "
USELESS = "timm's weights of resnet10t do not load: "
CLIENT_ERROR = huggingface_hub.errors.HfHubHTTPError.__mro__[1]


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), ResourceError, "out of memory loading the weights"),
        (MemoryError(), ResourceError, "out of memory loading the weights"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            ResourceError,
            "out of memory loading the weights",
        ),
        (ConnectionError("refused"), ResourceError, f"{UNREACHABLE}refused"),
        (CLIENT_ERROR("no route"), ResourceError, f"{UNREACHABLE}no route"),
        (caused(FileNotFoundError("not here"), OSError("no name")), ResourceError, f"{UNREACHABLE}no name"),
        (huggingface_hub.errors.XetDownloadError("cut off"), ResourceError, f"{UNREACHABLE}cut off"),
        (RuntimeError("size mismatch"), RecordError, f"{USELESS}RuntimeError: size mismatch"),
        (KeyError("fc"), RecordError, f"{USELESS}KeyError: 'fc'"),
        (ImportError("no module"), RecordError, f"{USELESS}ImportError: no module"),
    ],
)
def test_each_failure_is_told_as_what_it_is(
    error: Exception,
    kind: type[VitreportError],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(kind) as told:
        asked(monkeypatch, error)
    assert told.value.message == said
    assert caplog.records == []
    assert logging.root.manager.disable == logging.NOTSET


def test_memory_that_does_not_suffice_is_not_the_fault_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Linear(1, 1)
    monkeypatch.setattr("torch.nn.modules.linear.checkpoint_filter_fn", failing(MemoryError()), raising=False)
    with pytest.raises(MemoryError):
        adapted_weights(network, Weights("a.pth", None, {}))
