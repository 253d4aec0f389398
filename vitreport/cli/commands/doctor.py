"""`vitreport doctor`: check this machine, and say how to fix problems."""

import importlib
import os
import platform
import shutil
import sys
from contextlib import suppress
from itertools import starmap
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
    """What was checked and found, and how to fix it if it is a problem."""

    subject: str
    found: str
    fix: str = ""
    well: bool = True


def doctor(
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Check versions, devices, memory and folders, and print how to fix each problem.

    Example:
        vitreport doctor
    """
    given = [f"{name}={os.environ[name]}" for name in sorted(VARIABLES & set(os.environ))]
    findings = [
        Finding("python", f"{platform.python_version()} ({sys.executable})"),
        *map(_package, MODULES),
        *_devices(),
        Finding("processor", f"{os.cpu_count()} cores"),
        _memory(),
        _folder("cache", cache_dir()),
        *(_folder("data", folder) for folder in data_dirs_or_default(data_dirs)),
        _folder("runs", runs_dir),
        *([Finding("variables", " ".join(given))] if given else []),
    ]
    if as_json:
        print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        rows = [(each.subject, "ok" if each.well else "problem", each.found, each.fix) for each in findings]
        print_table(["", "", "found", "fix"], rows)
    if problems := [finding.subject for finding in findings if not finding.well]:
        raise ResourceError(f"{counted(len(problems), 'problem')}: {', '.join(problems)}")


def _package(module: str) -> Finding:
    """Import the module: a torch and a torchvision of different builds fail only there."""
    from importlib.metadata import version

    distribution = {"sklearn": "scikit-learn"}.get(module, module.replace("_", "-"))
    try:
        importlib.import_module(module)
        return Finding(distribution, version(distribution))
    except Exception as error:
        reason = " ".join(str(error).split())
        packages = "--force-reinstall torch torchvision" if "torchvision::nms" in reason else distribution
        return Finding(distribution, f"{type(error).__name__}: {reason[:120]}", f"pip install {packages}", well=False)


def _devices() -> list[Finding]:
    with suppress(Exception):  # torch does not load, as a line above says
        from vitreport.training.device import devices_found

        return list(starmap(Finding, devices_found()))
    return []


def _memory() -> Finding:
    pages, free_pages, size = (os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES", "SC_PAGE_SIZE"))
    free = free_pages * size
    with suppress(OSError):  # Linux gives most of its free memory to files until a program needs it
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = max(free, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))
    found = f"{pages * size / 2**30:.0f} GiB, {free / 2**30:.0f} GiB of it free"
    well = free > LEAST_FREE_MEMORY
    return Finding("memory", found, "" if well else "end other programs", well)


def _folder(subject: str, folder: Path) -> Finding:
    """Check whether the folder, or the nearest one that exists above it, can be written, and the space there."""
    try:
        existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Finding(subject, f"{folder}: {reason}", "choose another folder", well=False)
    free = shutil.disk_usage(existing).free
    found = f"{folder} ({free / 1e9:.0f} GB free{'' if folder.exists() else ', made when needed'})"
    try:
        refuse_unwritable(folder)
    except StorageError:
        return Finding(subject, found, f"make {existing} writable, or choose another folder", well=False)
    well = free >= LEAST_FREE_BYTES
    return Finding(subject, found, "" if well else "free some space", well)
