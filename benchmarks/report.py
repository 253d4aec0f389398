"""Seconds and memory that a report of many runs takes, with its figures, as Markdown and as HTML.

python -m benchmarks.report [--runs 100 1000 10000] [--repeats 3]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.records import spec, write_run

SEEDS = 3
EPOCHS = 20


def write_runs(runs_dir: Path, count: int) -> None:
    """Groups of three seeds that differ in the learning rate."""
    for index in range(count):
        rate = 1e-4 * (1 + index // SEEDS)
        own = spec(seed=index % SEEDS, optimizer={"learning_rate": rate}, train={"epochs": EPOCHS})
        write_run(runs_dir, own, 0.5 + 0.0001 * (index % 1000))


def measured(command: list[str], cwd: Path) -> tuple[float, float, float]:
    """Seconds on the clock, those of a processor, and the most memory in MiB."""
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(folder: Path, count: int, repeats: int) -> None:
    write_runs(folder / "runs", count)
    for name, options in {"Markdown": [], "HTML": ["--format=html"]}.items():
        command = [sys.executable, "-m", "vitreport", "report", *options]
        measured(command, folder)
        found = [measured(command, folder) for _ in range(repeats)]
        seconds, busy, memory = zip(*found, strict=True)
        told = f"{statistics.median(seconds):6.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
        told += f", {statistics.median(busy):.2f} s of a processor, {max(memory):.0f} MiB"
        print(f"{count:>6,} runs, {name:<8} {told}; load {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for count in given.runs:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["VITREPORT_CACHE_DIR"] = f"{folder}/cache"
            compare(Path(folder), count, given.repeats)


if __name__ == "__main__":
    main()
