"""What only shows when network and images are there."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.training.small import CPU, noise_arrays, small_setup, small_spec
from vitreport.errors import ResourceError, SpecError
from vitreport.training import parallel
from vitreport.training.device import fingerprint, is_deterministic
from vitreport.training.setup import find_determinism, idle_process_problems, place_model

GPU = torch.device("cuda", 0)
NORMALISED_OVER_BATCHES = {
    "name": "timm",
    "architecture": "resnet10t",
    "arguments": {"channels": [8, 8, 8, 8], "stem_width": 8},
}


@pytest.mark.parametrize("model", [NORMALISED_OVER_BATCHES, {}])
@pytest.mark.parametrize(("batch_size", "rest"), [(89, 1), (88, 2), (45, 0), (1, 0)])
def test_a_last_batch_of_one_image_needs_something_to_normalise_over(
    model: dict[str, Any], batch_size: int, rest: int
) -> None:
    """90 of 100 images are trained on; at 8 pixels the network's last maps have one place."""
    spec = small_spec(model=model, train={"batch_size": batch_size})
    assert 90 % batch_size == rest
    if model and (rest == 1 or batch_size == 1):
        fault = "leaves a last batch of one of the 90 training images" if rest else "is one image"
        with pytest.raises(SpecError, match=f"{fault}, too few to normalize over"):
            small_setup(spec, noise_arrays())
    else:
        assert small_setup(spec, noise_arrays()).batches.batch_size == batch_size


@pytest.mark.parametrize(("images", "has_problem"), [(9, True), (11, True), (12, True), (13, False), (16, False)])
@pytest.mark.parametrize("is_synchronized", [True, False])
def test_processes_that_normalize_together_need_an_image_each(
    images: int, has_problem: bool, is_synchronized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three processes share the images in pairs: the last one has its first of five."""
    monkeypatch.setattr(parallel, "world_size", lambda: 3)
    model = nn.SyncBatchNorm(3) if is_synchronized else nn.BatchNorm2d(3)
    found = idle_process_problems(small_spec(train={"batch_size": 8}), model, images)
    assert bool(found) == (has_problem and is_synchronized)


def test_fewer_images_than_a_batch_are_one_batch() -> None:
    exact, larger = (small_setup(small_spec(train={"batch_size": size})).batches for size in (90, 2**31 - 1))
    assert exact.steps_per_epoch == larger.steps_per_epoch == 1
    (images, labels), (same_images, same_labels) = next(exact.epoch(1)), next(larger.epoch(1))
    assert torch.equal(images, same_images)
    assert torch.equal(labels, same_labels)


class Unpooled(nn.Module):
    """Torch has no deterministic version of max_unpool2d, not even on a CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        pooled, where = nn.functional.max_pool2d(images * self.weight, 2, return_indices=True)
        return nn.functional.max_unpool2d(pooled, where, (2, 2))


@pytest.fixture
def strict() -> Iterator[None]:
    """Ask for determinism as set_up_device does on a GPU."""
    torch.use_deterministic_algorithms(True)
    with warnings.catch_warnings():
        yield
    torch.use_deterministic_algorithms(False)


def gpu_fingerprint(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU")
    return fingerprint(GPU, small_spec(), compiled=False, cuda_graphs=False, data="data")


def test_a_network_without_a_deterministic_version_is_allowed_and_noted(
    strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_model(small_spec(), CPU)
    assert is_deterministic(GPU)
    assert "deterministic" not in gpu_fingerprint(monkeypatch)
    find_determinism(Unpooled(), 8)
    assert not is_deterministic(GPU)
    assert is_deterministic(CPU)  # where the user of the API may have set this
    assert gpu_fingerprint(monkeypatch)["deterministic"] == "no"
    Unpooled()(torch.zeros(2, 3, 8, 8))  # neither raises nor warns


def test_other_errors_of_a_network_are_not_hidden(strict: None) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        find_determinism(nn.Linear(5, 2), 8)
    assert is_deterministic(GPU)


def test_a_late_setting_of_cublas_is_an_error(strict: None) -> None:
    """Torch has read it already: nothing would be deterministic, whatever the network."""

    class Late(Unpooled):
        def forward(self, images: Tensor) -> Tensor:
            hint = "set CUBLAS_WORKSPACE_CONFIG=:4096:8 or torch.use_deterministic_algorithms(False)"
            raise RuntimeError(f"Deterministic behavior was enabled, but this operation is not deterministic: {hint}")

    with pytest.raises(ResourceError, match="CUBLAS_WORKSPACE_CONFIG was set too late"):
        find_determinism(Late(), 8)
    assert is_deterministic(GPU)


def test_the_fingerprint_names_what_changes_bits_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu, on_cpu = (
        gpu_fingerprint(monkeypatch),
        fingerprint(CPU, small_spec(), compiled=False, cuda_graphs=True, data="data"),
    )
    assert on_gpu.keys() - on_cpu.keys() == {"cuda", "cudnn", "cuda_graphs"}
    assert on_cpu.keys() <= on_gpu.keys()
