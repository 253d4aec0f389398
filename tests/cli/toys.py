"""A copy of the package, to which a test adds a part as CONTRIBUTING.md says."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import vitreport
from tests.commands import popen


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
    process = popen(
        folder=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        prepare=f"{__name__}:run_with_the_copy",
        prepare_arguments=[code, str(folder)],
    )
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    return stdout


def run_with_the_copy(code: str, folder: str) -> NoReturn:
    for module in [name for name in sys.modules if name.partition(".")[0] == "vitreport"]:
        del sys.modules[module]
    sys.path.insert(0, folder)
    exec(code, {})
    sys.exit()
