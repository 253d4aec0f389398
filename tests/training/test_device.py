import pytest
import torch

from vitreport.errors import ResourceError, SpecError
from vitreport.training.device import choose_device, fingerprint, make_deterministic


def test_cpu_is_the_cpu() -> None:
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["", "gpu", "cud", "meta", "mps:0", "cuda:x", "cpu "])
def test_unknown_device_is_a_usage_error(name: str) -> None:
    with pytest.raises(SpecError, match="unknown device"):
        choose_device(name)


def test_a_device_from_the_environment_is_told_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITREPORT_DEVICE", "gpu")
    with pytest.raises(SpecError, match=r"^VITREPORT_DEVICE = 'gpu': unknown device"):
        choose_device("gpu")


def test_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ResourceError, match="torch sees no CUDA GPU"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ResourceError, match="torch sees 2 CUDA GPUs"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("available", "device"), [(True, "cuda:0"), (False, "cpu")])
def test_auto_prefers_the_first_gpu(monkeypatch: pytest.MonkeyPatch, available: bool, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device("auto") == torch.device(device)


def test_threads_are_part_of_the_fingerprint() -> None:
    former = torch.get_num_threads()
    try:
        make_deterministic(torch.device("cpu"), 2)
        found = fingerprint(torch.device("cpu"), precision="float32", compiled=False, spec_hash="spec", data="data")
    finally:
        torch.set_num_threads(former)
    assert (found["threads"], found["device"], found["torch"]) == ("2", "CPU", torch.__version__)
    assert (found["precision"], found["spec"], found["data"]) == ("float32", "spec", "data")
