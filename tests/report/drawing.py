"""Figures drawn by a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHILD = """
import hashlib, sys
from pathlib import Path
from tests.report.drawn import figures
from vitreport.report.figures.beside import files
from vitreport.report.figures.cache import draw
for figure in list(figures().values())[::3]:
    for name, content in files(figure, draw(figure, Path(sys.argv[1]))).items():
        print(name, hashlib.sha256(content).hexdigest())
"""


def in_a_child(
    code: str, cache: Path, environment: dict[str, str], folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(cache)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
