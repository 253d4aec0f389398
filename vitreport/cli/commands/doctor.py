"""`vitreport doctor`: check this machine, and say how to fix problems."""

import importlib
import os
import platform
import sys
from contextlib import suppress
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

from vitreport.cli import options
from vitreport.cli.console import print_json, print_table
from vitreport.errors import ResourceError, VitreportError
from vitreport.files import check_writable, free_bytes
from vitreport.formatting import compact, counted
from vitreport.runtime import RUNS_DIR, SPIN_VARIABLES, VARIABLES, cache_dir, data_dirs_or_default

NETWORKS = ("torch", "torchvision", "timm", "perceiver_pytorch", "transformer_in_transformer")
MODULES = (*NETWORKS, "numpy", "scipy", "sklearn", "safetensors")
MIN_FREE_BYTES = 2e9


class Finding(NamedTuple):
    """What was checked and found, and how to fix it if it is a problem."""

    subject: str
    found: str
    fix: str = ""
    well: bool = True


def doctor(
    data_dirs: options.DataDirs = None, runs_dir: options.RunsDir = RUNS_DIR.default, as_json: options.AsJson = False
) -> None:
    """Check versions, devices and directories, and print how to fix each problem.

    Example:
        vitreport doctor
    """
    given = [f"{name}={os.environ[name]}" for name in sorted(VARIABLES & set(os.environ))]
    findings = [
        Finding("python", f"{platform.python_version()} ({sys.executable})"),
        *map(_package, MODULES),
        *_devices(),
        Finding("processor", f"{os.cpu_count()} cores"),
        _idle_threads(),
        _directory("cache", cache_dir()),
        *(_directory("data", path, must_write=False) for path in data_dirs_or_default(data_dirs)),
        _directory("runs", runs_dir),
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


def _idle_threads() -> Finding:
    """Show how long idle threads of torch keep their cores busy, as set by `vitreport.runtime.limit_spinning`."""
    found = " ".join(f"{name}={os.environ[name]}" for name in SPIN_VARIABLES if name in os.environ)
    return Finding("idle threads", found or "OpenMP's default (torch was imported before the command line)")


def _directory(subject: str, path: Path, *, must_write: bool = True) -> Finding:
    """Check whether a directory, or the nearest one that exists above it, can be written, and the space there.

    One that need not be written only has to be readable if it exists.
    """
    try:
        check_writable(path)
        free = free_bytes(path)
        found = f"{path} ({compact(free)}B free{'' if path.exists() else ', created when needed'})"
    except (OSError, VitreportError) as error:
        if not must_write and os.access(path, os.R_OK | os.X_OK) and path.is_dir():
            return Finding(subject, f"{path} (read-only)")
        reason = getattr(error, "message", "") or f"cannot use {path}: {getattr(error, 'strerror', error)}"
        return Finding(subject, reason, getattr(error, "hint", "") or "choose another directory", well=False)
    well = free >= MIN_FREE_BYTES
    return Finding(subject, found, "" if well else "free some space", well)
