"""What a record says of the software: the versions of the packages, and the commit of the current directory."""

import importlib.metadata
import platform
import subprocess
from functools import cache

from vitreport import __version__
from vitreport.records.run import GitRecord

PACKAGES = ("torch", "torchvision", "timm", "perceiver-pytorch", "numpy", "pydantic")


@cache
def versions() -> dict[str, str]:
    """Return the versions that a record names."""
    found = {"python": platform.python_version(), "vitreport": __version__}
    return found | {package: importlib.metadata.version(package) for package in PACKAGES}


def git_state() -> GitRecord | None:
    """Return the commit of the repository around the current directory; None without a repository or git."""
    describe = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(describe, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    commit, changed, _ = done.stdout.strip().partition("-")
    return GitRecord(commit=commit, dirty=bool(changed))
