"""`vitreport doctor`: check this machine, and say how to fix problems."""

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

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


class Finding(NamedTuple):
    """What was checked, whether it is well, what was found, and how to fix it."""

    subject: str
    well: bool
    found: str
    fix: str = ""


def doctor(
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Check versions, devices, memory and folders, and print how to fix each problem.

    Example:
        vitreport doctor
    """
    places = [("cache", cache_dir()), *(("data", each) for each in data_dirs_or_default(data_dirs)), ("runs", runs_dir)]
    findings = [
        Finding("python", True, f"{platform.python_version()} ({sys.executable})"),
        *map(_package, MODULES),
        *_devices(),
        Finding("processor", True, f"{os.cpu_count()} cores"),
        _memory(),
        *(_folder(subject, folder) for subject, folder in places),
    ]
    if given := [f"{name}={os.environ[name]}" for name in sorted(VARIABLES & set(os.environ))]:
        findings.append(Finding("variables", True, " ".join(given)))
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        rows = [(f.subject, "ok" if f.well else "problem", f.found, f.fix) for f in findings]
        print_table(["", "", "found", "fix"], rows)
    if problems := [finding.subject for finding in findings if not finding.well]:
        raise ResourceError(f"{counted(len(problems), 'problem')}: {', '.join(problems)}")


def _package(module: str) -> Finding:
    """Import the module: a torch and a torchvision of different builds fail only there."""
    from importlib.metadata import version

    distribution = {"sklearn": "scikit-learn"}.get(module, module.replace("_", "-"))
    try:
        importlib.import_module(module)
        return Finding(distribution, True, version(distribution))
    except Exception as error:
        reason = " ".join(str(error).split())
        mixed = "torchvision::nms" in reason
        fix = f"pip install {'--force-reinstall torch torchvision' if mixed else distribution}"
        return Finding(distribution, False, f"{type(error).__name__}: {reason[:120]}", fix)


def _devices() -> Iterator[Finding]:
    with suppress(Exception):  # torch does not load, as a line above says
        from vitreport.training.device import devices_found

        yield from (Finding(device, True, found, advice) for device, found, advice in devices_found())


def _memory() -> Finding:
    pages, free_pages, size = (os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES", "SC_PAGE_SIZE"))
    free = free_pages * size
    with suppress(OSError):  # Linux gives most of its free memory to files until a program needs it
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = max(free, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))
    found = f"{pages * size / 2**30:.0f} GiB, {free / 2**30:.0f} GiB of it free"
    well = free > LEAST_FREE_MEMORY
    return Finding("memory", well, found, "" if well else "end other programs")


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
    well = free >= LEAST_FREE_BYTES
    return Finding(subject, well, found, "" if well else "free some space")
