"""`vitreport doctor`: what this machine has, and how to fix what it lacks."""

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreport.cli import options
from vitreport.cli.console import print_json, print_table
from vitreport.errors import ResourceError, StorageError
from vitreport.files import refuse_unwritable
from vitreport.formatting import counted
from vitreport.runtime import RUNS_DIR, VARIABLES, cache_dir, data_dirs_or_default

NETWORKS = ("torch", "torchvision", "timm", "perceiver_pytorch", "transformer_in_transformer")
MODULES = (*NETWORKS, "numpy", "scipy", "sklearn", "safetensors")
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
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Check versions, devices, memory and folders; each problem comes with its fix."""
    findings = [
        Finding("python", True, f"{platform.python_version()} ({sys.executable})"),
        *map(_package, MODULES),
        *_devices(),
        Finding("processor", True, f"{os.cpu_count()} cores"),
        _memory(),
        _folder("cache", cache_dir()),
        *(_folder("data", folder) for folder in data_dirs_or_default(data_dirs)),
        _folder("runs", runs_dir),
    ]
    if given := [f"{name}={os.environ[name]}" for name in sorted(VARIABLES & set(os.environ))]:
        findings.append(Finding("variables", True, " ".join(given)))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [(f.subject, "ok" if f.well else "problem", f.found, f.fix) for f in findings]
        print_table(["", "", "found", "fix"], rows)
    if problems := [finding.subject for finding in findings if not finding.well]:
        raise ResourceError(f"{counted(len(problems), 'problem')}: {', '.join(problems)}")


def _package(module: str) -> Finding:
    """Import the module: a torch and a torchvision of different builds fail only there."""
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
        from vitreport.training.device import devices_found
    except Exception:  # torch does not load, as a line above says
        return
    for device, found, advice in devices_found():
        yield Finding(device, True, found, advice)


def _memory() -> Finding:
    pages, free_pages, size = (os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES", "SC_PAGE_SIZE"))
    free = free_pages * size
    with suppress(OSError):  # Linux gives most of its free memory to files until a program needs it
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = max(free, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))
    found = f"{pages * size / 2**30:.0f} GiB, {free / 2**30:.0f} GiB of it free"
    return Finding("memory", free > LEAST_FREE_MEMORY, found, "" if free > LEAST_FREE_MEMORY else "end other programs")


def _folder(subject: str, folder: Path) -> Finding:
    """Check whether the folder, or the nearest one that exists above it, can be written, and the space there."""
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
    return Finding(subject, free >= LEAST_FREE_BYTES, found, "" if free >= LEAST_FREE_BYTES else "free some space")
