"""Running vitreport as its users do: as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

TINY = (
    "--set=model.num_latents=4",
    "--set=model.latent_dim=8",
    "--set=model.latent_heads=2",
    "--set=model.cross_dim_head=8",
    "--set=model.latent_dim_head=8",
    "--set=data.image_size=8",
    "--set=data.limit=100",
    "--batch-size=20",
    "--epochs=3",
)
"""Options that make a run of perceiver-io on digits take a fraction of a second."""


@dataclass(frozen=True)
class Completed:
    exit_code: int
    stdout: str
    stderr: str


def vitreport(*arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 120) -> Completed:
    """Run one command to its end."""
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Completed(done.returncode, done.stdout, done.stderr)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "vitreport", *arguments]
