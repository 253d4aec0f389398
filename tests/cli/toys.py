"""A copy of the package, to which a test adds a part as CONTRIBUTING.md says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import vitreport


def copied_package(folder: Path) -> Path:
    package = folder / "vitreport"
    shutil.copytree(Path(vitreport.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def replace(file: Path, old: str, new: str) -> None:
    """Replace a text that the file has once."""
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def printed_by(code: str, folder: Path) -> str:
    """What a process prints that imports the copy in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
