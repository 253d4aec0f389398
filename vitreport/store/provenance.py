"""Where a run comes from: time, machine, versions, source control."""

import importlib.metadata
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache

from vitreport.records.run import GitRecord
from vitreport.version import __version__

PACKAGES = ("torch", "torchvision", "timm", "perceiver-pytorch", "numpy", "pydantic")


def now() -> str:
    """UTC in ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@cache
def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "vitreport": __version__}
    return found | {package: importlib.metadata.version(package) for package in PACKAGES}


def git_state() -> GitRecord | None:
    """The commit of the folder that vitreport is run in; None outside a repository or without git."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return GitRecord(commit=commit, dirty=bool(changes)) if commit else None


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
