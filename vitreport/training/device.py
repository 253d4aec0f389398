"""The device that computes, set up so that the same run gives the same bits on it."""

import os

import torch

from vitreport.errors import ResourceError, SpecError
from vitreport.randomness import RANDOMNESS_VERSION
from vitreport.runtime import DEVICE
from vitreport.training.optimizers import OPTIMIZER_IMPLEMENTATION


def choose_device(name: str) -> torch.device:
    """ "auto" is the first GPU where there is one, else the CPU.

    Raises SpecError for a name that is no device, ResourceError for a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise SpecError(f"{DEVICE.given_as(name)} = {name!r}: unknown device", "auto, cpu, cuda or cuda:N")
    if device.type == "cpu":
        return torch.device("cpu")
    index, count = device.index or 0, torch.cuda.device_count()
    if index >= count:
        found = f"torch sees {count} CUDA GPUs" if count else "torch sees no CUDA GPU"
        raise ResourceError(
            f"{DEVICE.given_as(name)} = {name!r}: {found}",
            "`vitreport doctor` says why; --device cpu always works",
        )
    return torch.device("cuda", index)


def make_deterministic(device: torch.device, threads: int | None) -> None:
    """Ask for the same bits every time, and for float32 where float32 is said.

    A CPU gives the same bits anyway. On a GPU convolutions do not fall back to TF32, attention takes no kernel
    of which the gradients vary, and an operation that cannot be exact warns.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)  # loads the compiler, which takes two seconds
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False


def device_name(device: torch.device) -> str:
    """What the record calls the device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def fingerprint(device: torch.device, *, precision: str, compiled: bool, spec_hash: str, data: str) -> dict[str, str]:
    """What two runs must share for their bits to be the same."""
    capability = torch.backends.cpu.get_cpu_capability()
    return {
        "torch": torch.__version__,
        "device": device_name(device),
        "cpu_capability": capability,
        "threads": str(torch.get_num_threads()),
        "precision": precision,
        "compile": "yes" if compiled else "no",
        "optimizer": OPTIMIZER_IMPLEMENTATION,
        "randomness": RANDOMNESS_VERSION,
        "world_size": "1",
        "spec": spec_hash,
        "data": data,
    }
