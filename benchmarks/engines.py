"""Seconds that a trial takes in addition to its training: in a process of this machine, and in a job of Slurm.

As root, with Slurm: python -m benchmarks.engines [--seeds 10]

Slurm has one node, which is this machine. One trial runs at a time.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import vitreport
from benchmarks import results
from tests.cluster.one_node import OneNode, missing_parts

SWEEP = "mlp-mixer --dataset digits --set patch_size=4 --set embed_dim=32 --epochs 5 --threads 1 --quiet"
VALUES = ("--param", "batch_size", "32,64")
ENGINES = ("local", "slurm")


def measure(engine: str, seeds: int, folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Train the sweep; its trials are the same in every engine."""
    runs_dir = folder / engine
    command = [*SWEEP.split(), *VALUES, f"--seeds={seeds}", f"--engine={engine}", f"--runs-dir={runs_dir}"]
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "vitreport", "ablate", *command], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - begun
    training = [run.record.seconds for run in vitreport.load_runs(runs_dir) if run.record]
    return {
        "trials": len(training),
        "seconds": round(seconds, 1),
        "seconds_of_training": round(sum(training), 1),
        "seconds_per_trial_in_addition": round((seconds - sum(training)) / len(training), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    if reason := missing_parts():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as name, OneNode(Path(name) / "cluster") as cluster:
        found = {engine: measure(engine, seeds, Path(name), os.environ | cluster.environment) for engine in ENGINES}
    for engine, figures in found.items():
        print(engine, figures)
    print(results.write("engines", found))


if __name__ == "__main__":
    main()
