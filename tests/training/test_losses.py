"""What makes training faster changes no loss by more than rounding, in the first twenty steps of Perceiver IO."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vitreport.data.sources import describe
from vitreport.models import linear
from vitreport.models.memory_format import place_network
from vitreport.spec.compose import compose
from vitreport.spec.load import read_preset
from vitreport.training.compilation import compile_network
from vitreport.training.loop import TrainingState, train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import build_network

SPEC = compose([read_preset("perceiver-io-cifar10")], lambda name, size: describe(name, [Path()], size)).spec
STEPS, BATCH_SIZE = 20, 32
CPU = torch.device("cpu")
NEEDS_COMPILER = pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")


def batches() -> list[tuple[Tensor, Tensor]]:
    random = torch.Generator().manual_seed(0)
    return [
        (
            torch.randn(BATCH_SIZE, 3, 32, 32, generator=random),
            torch.randint(0, 10, (BATCH_SIZE,), generator=random),
        )
        for _ in range(STEPS)
    ]


def losses(model: nn.Module) -> Tensor:
    state = TrainingState(model, build_optimizer(SPEC.optimizer, model.parameters()))
    return torch.stack([train_step(state, images, labels, SPEC.train) for images, labels in batches()])


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Those of PyTorch's own linear layers; later every processor counts as one with a slow MKL."""
    monkeypatch.setattr(linear, "HAS_SLOW_MKL", False)
    found = losses(build_network(SPEC))
    monkeypatch.setattr(linear, "HAS_SLOW_MKL", True)
    return found


def test_products_of_onednn_leave_the_losses_as_they_are(eager: Tensor) -> None:
    found = losses(place_network(build_network(SPEC), CPU))
    torch.testing.assert_close(found, eager, rtol=1e-5, atol=0)
    assert len(set(found.tolist())) == STEPS


@pytest.mark.long
@NEEDS_COMPILER
def test_compiling_leaves_the_losses_as_they_are(eager: Tensor, tmp_path: Path) -> None:
    model = place_network(build_network(SPEC), CPU)
    compile_network(model, batches()[0][0], "float32", BATCH_SIZE, tmp_path)
    torch.testing.assert_close(losses(model), eager, rtol=1e-5, atol=0)
