"""What most benchmarks write to benchmarks/results/: its figures, and on what they were measured."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).parent / "results"


def processor() -> str:
    """The model of the CPU, as Linux names it, and the number of its cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{next(iter(names), platform.processor())}, {os.cpu_count()} cores"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=FOLDER.parent, check=False)
    return done.stdout.strip()


def write(name: str, figures: Any, device: str = "cpu", folder: Path = FOLDER) -> Path:
    """Write the figures with machine, versions and commit; return the file.

    A commit with changes that are not committed ends in "-dirty"; other results do not count.
    """
    elsewhere = ("--", ":/", f":(exclude,top){FOLDER.parent.name}/results")
    changes = _git("status", "--porcelain", "--untracked-files=no", *elsewhere)
    commit = _git("describe", "--always") + ("-dirty" if changes else "")
    document = {
        "machine": {
            "processor": processor(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "device": device,
            "system": platform.system(),
        },
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "commit": commit,
        "figures": figures,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(document, indent=2) + "\n")
    return file
