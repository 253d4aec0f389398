"""Where a run comes from: the versions of its software, and the commit of its source code."""

import importlib.metadata
import platform
import subprocess
from functools import cache

from vitreport.records.run import GitRecord
from vitreport.version import __version__

PACKAGES = ("torch", "torchvision", "timm", "perceiver-pytorch", "numpy", "pydantic")


@cache
def versions() -> dict[str, str]:
    """Return the versions that a record names."""
    found = {"python": platform.python_version(), "vitreport": __version__}
    return found | {package: importlib.metadata.version(package) for package in PACKAGES}


def git_state() -> GitRecord | None:
    """Return the commit of the current folder; None outside a repository or without git."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return GitRecord(commit=commit, dirty=bool(changes)) if commit else None


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
