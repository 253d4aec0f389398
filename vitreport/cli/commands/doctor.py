"""`vitreport doctor`: what this machine has, and how to mend what it lacks."""

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreport.cli import options
from vitreport.cli.console import print_json, print_table
from vitreport.errors import StorageError
from vitreport.files import refuse_unwritable
from vitreport.formatting import counted

LEAST_FREE_BYTES = 2e9
LEAST_FREE_MEMORY = 1e9


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is well, what was found, and the fix where it is not."""

    subject: str
    well: bool
    found: str
    fix: str = ""


def doctor(
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    as_json: options.AsJson = False,
) -> None:
    """Check versions, devices, memory and folders; each problem comes with its fix."""
    from vitreport.errors import ResourceError
    from vitreport.runtime import cache_dir, data_dirs_or_default

    findings = [
        Finding("python", True, f"{platform.python_version()} ({sys.executable})"),
        *_packages(),
        *_devices(),
        Finding("processor", True, f"{os.cpu_count()} cores"),
        _memory(),
        _folder("cache", cache_dir()),
        *(_folder("data", folder) for folder in data_dirs_or_default(data_dirs)),
        _folder("runs", runs_dir),
    ]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [(f.subject, "ok" if f.well else "problem", f.found, f.fix) for f in findings]
        print_table(["", "", "found", "fix"], rows)
    if problems := [finding.subject for finding in findings if not finding.well]:
        raise ResourceError(f"{counted(len(problems), 'problem')}: {', '.join(problems)}")


def _packages() -> Iterator[Finding]:
    networks = ("torch", "torchvision", "timm", "perceiver_pytorch", "transformer_in_transformer")
    for name in (*networks, "numpy", "scipy", "sklearn", "safetensors"):
        yield _package(name)


def _package(module: str) -> Finding:
    """Imported, not only looked up: a torch and a torchvision of different builds fail there."""
    distribution = {"sklearn": "scikit-learn"}.get(module, module.replace("_", "-"))
    try:
        importlib.import_module(module)
        return Finding(distribution, True, importlib.metadata.version(distribution))
    except Exception as error:
        reason = " ".join(str(error).split())
        mixed = "torchvision::nms" in reason
        fix = f"pip install {'--force-reinstall torch torchvision' if mixed else distribution}"
        return Finding(distribution, False, f"{type(error).__name__}: {reason[:120]}", fix)


def _devices() -> Iterator[Finding]:
    try:
        import torch
    except Exception:
        return
    capabilities = torch.cpu.get_capabilities()
    bfloat16 = [name for name, present in capabilities.items() if name.endswith("bf16") and present]
    found = f"{torch.backends.cpu.get_cpu_capability()}, {counted(torch.get_num_threads(), 'thread')}"
    slow = "no bfloat16 arithmetic: that precision is slow here"
    yield Finding("cpu", True, f"{found}, {'bfloat16 by ' + ', '.join(bfloat16) if bfloat16 else slow}")
    count = torch.cuda.device_count()
    for index in range(count):
        properties = torch.cuda.get_device_properties(index)
        yield Finding(f"cuda:{index}", True, f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    if not count:
        built = torch.version.cuda
        found = f"torch is built for CUDA {built} and sees no GPU" if built else "torch is built without CUDA"
        fix = "with an NVIDIA GPU: see whether nvidia-smi lists it, or bring its driver up to date"
        yield Finding("cuda", True, found, fix if built else "with an NVIDIA GPU: pip install --force-reinstall torch")


def _memory() -> Finding:
    pages, free_pages, size = (os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES", "SC_PAGE_SIZE"))
    free = free_pages * size
    found = f"{pages * size / 2**30:.0f} GiB, {free / 2**30:.0f} GiB of it free"
    return Finding("memory", free > LEAST_FREE_MEMORY, found, "" if free > LEAST_FREE_MEMORY else "end other programs")


def _folder(subject: str, folder: Path) -> Finding:
    """Whether the folder, or the nearest one that exists above it, can be written, and the space there."""
    try:
        existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    except OSError as error:
        return Finding(subject, False, f"{folder}: {(error.strerror or str(error)).lower()}", "choose another folder")
    free = shutil.disk_usage(existing).free
    found = f"{folder} ({free / 1e9:.0f} GB free{'' if folder.exists() else ', made when needed'})"
    try:
        refuse_unwritable(folder)
    except StorageError:
        return Finding(subject, False, found, f"make {existing} writable, or choose another folder")
    if free < LEAST_FREE_BYTES:
        return Finding(subject, False, found, "free some space")
    return Finding(subject, True, found)
