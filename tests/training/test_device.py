"""The device: how it is chosen and set up, its memory, and what is said where that does not suffice."""

import resource
import subprocess
import sys
from typing import NoReturn

import pytest
import torch

from tests.commands import popen
from tests.training.ranks import environments
from tests.training.small import small_spec
from vitreport.errors import ResourceError, SpecError
from vitreport.training import device as devices
from vitreport.training.device import (
    choose_device,
    fingerprint,
    forget_peak_memory,
    keep_freed_memory,
    memory_errors,
    peak_memory_bytes,
    seed_generators,
    set_up_device,
)


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
    with pytest.raises(ResourceError, match="PyTorch finds no CUDA GPU"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ResourceError, match="PyTorch finds only 2 CUDA GPUs"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("gpus", "device"), [(1, "cuda:0"), (0, "cpu")])
def test_auto_prefers_the_first_gpu(monkeypatch: pytest.MonkeyPatch, gpus: int, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert choose_device("auto") == torch.device(device)


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_of_several_processes_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for rank, environment in enumerate(environments(3)):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        if rank < 2:
            assert choose_device(name) == torch.device("cuda", rank)
            with pytest.raises(SpecError, match="several processes need several GPUs"):
                choose_device("cuda:0")
    with pytest.raises(ResourceError, match="PyTorch finds only 2 CUDA GPUs"):
        choose_device(name)


def test_a_step_is_seeded_as_torch_seeds_it_on_its_own_device_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(7)
    expected = torch.rand(4)
    gpus = tuple(torch.Generator() for _ in range(3))
    monkeypatch.setattr(torch.cuda, "default_generators", gpus)
    seed_generators(torch.device("cuda", 1), 7)
    assert [gpu.initial_seed() == 7 for gpu in gpus] == [False, True, False]
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("is_training", [True, False])
def test_only_a_training_is_strictly_deterministic(is_training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    try:
        set_up_device(torch.device("cuda", 0), None, is_training=is_training)
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled() is not is_training
    finally:
        torch.use_deterministic_algorithms(False)


def test_threads_are_part_of_the_fingerprint() -> None:
    former = torch.get_num_threads()
    try:
        set_up_device(torch.device("cpu"), 2)
        found = fingerprint(torch.device("cpu"), small_spec(), compiled=False, cuda_graphs=False, data="data")
    finally:
        torch.set_num_threads(former)
    assert (found["threads"], found["device"], found["torch"]) == ("2", "CPU", torch.__version__)
    assert (found["precision"], found["spec"], found["data"]) == ("float32", small_spec().group_hash, "data")


@pytest.mark.parametrize(("given", "allowed", "expected"), [(None, 1, 1), (None, 64, 3), (2, 1, 2)])
def test_by_default_there_are_no_more_threads_than_a_container_allows(
    given: int | None, allowed: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "usable_cores", lambda: allowed)
    former = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        set_up_device(torch.device("cpu"), given)
        assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(former)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_memory_is_not_faulted_in_again() -> None:
    process = popen(stdout=subprocess.PIPE, prepare=f"{__name__}:print_faults")
    stdout, _ = process.communicate(timeout=60)
    assert int(stdout) < 2**26 // 4096 // 10


def print_faults() -> NoReturn:
    """Print how many pages are faulted in where 64 MiB are freed and taken again."""

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(2**24).sum()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    keep_freed_memory()
    print(min(faults() for _ in range(10)))  # the least: a system short of memory may take pages back at any time
    sys.exit()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    monkeypatch.delattr("ctypes.CDLL")
    keep_freed_memory()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_lack_of_memory_is_told(error: Exception) -> None:
    with pytest.raises(ResourceError, match="out of memory while measuring") as told, memory_errors("while measuring"):
        raise error
    assert told.value.hint == "choose a smaller model, smaller batches or another device"


def test_other_errors_come_through() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_errors("while measuring"):
        raise RuntimeError("shapes cannot be multiplied")


def test_the_allocator_of_the_machine_says_it_in_these_words() -> None:
    with pytest.raises(ResourceError), memory_errors("here"):
        torch.empty(1 << 60, dtype=torch.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak can be reset on Linux")
def test_a_process_that_trains_several_runs_tells_the_peak_of_each() -> None:
    cpu = torch.device("cpu")
    ballast = [torch.ones(2**20) for _ in range(64)]
    high = peak_memory_bytes(cpu)
    ballast.clear()
    assert peak_memory_bytes(cpu) >= high
    forget_peak_memory(cpu)
    assert peak_memory_bytes(cpu) < high - 2**27


@pytest.mark.parametrize(("name", "reset"), [("cuda:1", [torch.device("cuda", 1)]), ("cpu", [])])
def test_the_peak_of_the_gpu_that_trains_is_forgotten(
    name: str, reset: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may have used another GPU before."""
    found: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", found.append)
    forget_peak_memory(torch.device(name))
    assert found == reset
