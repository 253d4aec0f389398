"""The device that computes: chosen, made deterministic, its memory, its number format and its compiler."""

import ctypes
import os
import platform
import re
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from vitreport.errors import ResourceError, SpecError
from vitreport.formatting import counted
from vitreport.models.linear import HAS_SLOW_MKL
from vitreport.models.weights import is_out_of_memory, reason_of
from vitreport.randomness import RANDOMNESS_VERSION
from vitreport.runtime import DEVICE, launched, usable_cores
from vitreport.spec.run import RunSpec
from vitreport.training import parallel
from vitreport.training.optimizers import OPTIMIZER_IMPLEMENTATION

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES = 2**30
CUBLAS_SETTING = "CUBLAS_WORKSPACE_CONFIG"
MEMORY_HINT = "choose a smaller model, smaller batches or another device"
COMPILE_HINT = "use --compile off, or install a C++ compiler (with a GPU: Triton)"
GRAPHS_HINT = "small networks may train faster with --cuda-graphs (not measured)"

# PyTorch reads it before the first matrix product on a GPU, and never again.
os.environ.setdefault(CUBLAS_SETTING, ":4096:8")


def choose_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is the first GPU where there is one, else the CPU.

    Of several processes, each has its own GPU. Raises SpecError for another name, ResourceError for a GPU that is not
    there.
    """
    if name == "auto" and not torch.cuda.is_available():
        return torch.device("cpu")
    if not (found := re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", name)):
        raise SpecError(f"{DEVICE.given_as(name)} = {name!r}: unknown device", "use auto, cpu, cuda or cuda:N")
    if name == "cpu":
        return torch.device("cpu")
    if found[1] and launched().world_size > 1:
        raise SpecError(f"{DEVICE.given_as(name)} = {name!r}: several processes need several GPUs", "use cuda or auto")
    index, count = int(found[1] or launched().local_rank), torch.cuda.device_count()
    if index >= count:
        seen = f"PyTorch finds only {count} CUDA GPUs" if count else "PyTorch finds no CUDA GPU"
        hint = "run `vitreport doctor` to find the cause, or use --device cpu"
        raise ResourceError(f"{DEVICE.given_as(name)} = {name!r}: {seen}", hint)
    return torch.device("cuda", index)


def set_up_device(device: torch.device, threads: int | None, *, is_training: bool = True) -> None:
    """Set the number of threads, and make the device deterministic and free of TF32.

    If nothing is trained, operations without a deterministic version are allowed.
    """
    if threads is None:
        threads = min(torch.get_num_threads(), usable_cores())  # PyTorch does not know what a container allows
    torch.set_num_threads(threads)
    keep_freed_memory()
    if device.type == "cuda":
        torch.cuda.set_device(device)
        # with warn_only, the gradients of fused attention stay non-deterministic
        torch.use_deterministic_algorithms(True, warn_only=not is_training)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cuda.enable_cudnn_sdp(False)  # it builds a graph for every shape
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False


@contextmanager
def determinism_errors() -> Iterator[None]:
    """Allow non-deterministic operations as soon as one of them has no deterministic version.

    Raises ResourceError if cuBLAS is not deterministic, as after products of matrices with other settings.
    """
    try:
        yield
    except RuntimeError as error:
        if CUBLAS_SETTING in str(error):
            fault = f"{CUBLAS_SETTING} was set too late, or to a value that is not deterministic"
            raise ResourceError(fault, f"start Python with {CUBLAS_SETTING}=:4096:8") from error
        if "use_deterministic_algorithms" not in str(error):
            raise
        torch.use_deterministic_algorithms(True, warn_only=True)
        warnings.filterwarnings("ignore", message=".*deterministic")


def is_deterministic(device: torch.device) -> bool:
    """Return whether a device gives the same bits each time. Only some networks on a GPU do not."""
    return device.type == "cpu" or not torch.is_deterministic_algorithms_warn_only_enabled()


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators of a step on `device`. torch.manual_seed would also initialize other GPUs and backends."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(seed)


def device_name(device: torch.device) -> str:
    """Return what the record calls the device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def cpu_capability() -> str:
    """Return the instructions that PyTorch uses on this processor, and whether oneDNN computes linear layers."""
    name = torch.backends.cpu.get_cpu_capability()
    return f"{name} with oneDNN" if HAS_SLOW_MKL else name


def bfloat16_instructions() -> list[str]:
    """Return the processor's instructions for bfloat16; without any, that precision is slow."""
    return [name for name, has in torch.cpu.get_capabilities().items() if name.endswith("bf16") and has]


def fingerprint(device: torch.device, spec: RunSpec, *, compiled: bool, cuda_graphs: bool, data: str) -> dict[str, str]:
    """Return what two runs must share for their bits to be the same."""
    # with a GPU as well: the parameters of augmentation are computed on the CPU
    machine = {"cpu_capability": cpu_capability()}
    if device.type == "cuda":
        machine |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}  # type: ignore[no-untyped-call]
        machine |= {"cuda_graphs": "yes" if cuda_graphs else "no"}
        machine |= {} if is_deterministic(device) else {"deterministic": "no"}
    return {
        "torch": torch.__version__,
        "device": device_name(device),
        **machine,
        "threads": str(torch.get_num_threads()),
        "precision": spec.train.precision,
        "compile": "yes" if compiled else "no",
        "optimizer": OPTIMIZER_IMPLEMENTATION[device.type],
        "randomness": RANDOMNESS_VERSION,
        "world_size": str(parallel.world_size()),
        "spec": spec.group_hash,
        "data": data,
    }


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Compute in bfloat16 where the operation allows it, for precision "bfloat16"; change nothing for "float32"."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")


@contextmanager
def memory_errors(action: str) -> Iterator[None]:
    """Raise ResourceError if memory runs out during `action`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(f"out of memory {action}", MEMORY_HINT) from error


def keep_freed_memory() -> None:
    """Let glibc keep its heap as large as it has become, or the kernel clears all pages of activations in each step."""
    if platform.libc_ver()[0] == "glibc":
        for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(parameter, KEPT_BYTES)


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most that torch has held on a GPU, or that the process has held in the machine's memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def forget_peak_memory(device: torch.device) -> None:
    """Give freed memory back and start a new peak, where the system allows it, before a process trains another run."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: resets the peak of the resident set
    if device.type == "cuda" and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


@contextmanager
def compile_errors() -> Iterator[None]:
    """Raise ResourceError if torch cannot compile; it only tries at the first step."""
    try:
        yield
    except RuntimeError as error:
        # Importing the compiler's own kinds of errors takes seconds; a Python that it does not support has no kind.
        kinds = {kind.__module__ for kind in type(error).__mro__}
        if "torch._dynamo.exc" not in kinds and "torch.compile is not supported" not in str(error):
            raise
        raise ResourceError(f"torch.compile failed: {reason_of(error)}", COMPILE_HINT) from error


def devices_found() -> list[tuple[str, str, str]]:
    """Return the devices of this machine: their names, what they are, and advice without a GPU."""
    bfloat16 = bfloat16_instructions()
    speed = f"bfloat16 by {', '.join(bfloat16)}" if bfloat16 else "no bfloat16 arithmetic: that precision is slow here"
    threads = counted(torch.get_num_threads(), "thread")
    found = [("cpu", f"{torch.backends.cpu.get_cpu_capability()}, {threads}, {speed}", "")]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append((f"cuda:{index}", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB", GRAPHS_HINT))
    if len(found) == 1:
        cuda = torch.version.cuda
        built = f"torch is built for CUDA {cuda} and finds no GPU" if cuda else "torch is built without CUDA"
        fix = "update its driver" if cuda else "pip install --force-reinstall torch"
        found.append(("cuda", built, f"if this machine has an NVIDIA GPU: {fix}"))
    return found
