"""Trials a minute: `vitreport ablate` against a shell loop of `vitreport train` over the same specs.

python -m benchmarks.sweep [--repeats 3] [--jobs 2] [--seeds 6]

Both run in turn on the same machine; each begins with an empty folder of runs and with the images decoded. The loop has
as many threads as it likes, as a user's would.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SPEC = ["mlp-mixer", "--dataset=digits", "--device=cpu", "--set=data.image_size=8", "--set=model.patch_size=4"]
SMALL = ["--set=model.embed_dim=64", "--set=model.num_blocks=2", "--set=train.epochs=2"]
BATCH_SIZES = ("16", "32", "64", "128")
PROGRAM = [sys.executable, "-m", "vitreport"]


def loop(runs_dir: Path, seeds: int) -> None:
    for batch_size in BATCH_SIZES:
        for seed in range(seeds):
            own = [f"--batch-size={batch_size}", f"--seed={seed}", "--quiet", f"--runs-dir={runs_dir}"]
            subprocess.run([*PROGRAM, "train", *SPEC, *SMALL, *own], check=True, capture_output=True)


def sweep(runs_dir: Path, seeds: int, jobs: int) -> None:
    values = ["--param", "batch_size", ",".join(BATCH_SIZES), f"--seeds={seeds}", f"--jobs={jobs}"]
    command = [*PROGRAM, "ablate", *SPEC, *SMALL, *values, "--quiet", f"--runs-dir={runs_dir}"]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seeds", type=int, default=6)
    given = parser.parse_args()
    ways: dict[str, Callable[[Path], None]] = {
        "shell loop of vitreport train": lambda runs_dir: loop(runs_dir, given.seeds),
        "vitreport ablate --jobs 1": lambda runs_dir: sweep(runs_dir, given.seeds, 1),
        f"vitreport ablate --jobs {given.jobs}": lambda runs_dir: sweep(runs_dir, given.seeds, given.jobs),
    }
    trials = len(BATCH_SIZES) * given.seeds
    measured: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        sweep(Path(folder) / "warm", 1, 1)
        for turn in range(given.repeats):
            for number, (name, run) in enumerate(ways.items()):
                begun = time.perf_counter()
                run(Path(folder) / f"{turn}-{number}")
                measured[name].append(60 * trials / (time.perf_counter() - begun))
    for name, values in measured.items():
        print(f"{name:<32} {statistics.median(values):6.1f} trials/min ({min(values):.1f} to {max(values):.1f})")


if __name__ == "__main__":
    main()
