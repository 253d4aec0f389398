"""How long a report takes, and how much memory: `python benchmarks/report.py` for 100 and 10,000 runs."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.report.builder import spec, write_run

SEEDS = 3
EPOCHS = 20


def write_runs(runs_dir: Path, count: int) -> None:
    """Groups of three seeds that differ in the learning rate."""
    for index in range(count):
        rate = 1e-4 * (1 + index // SEEDS)
        own = spec(seed=index % SEEDS, optimizer={"learning_rate": rate}, train={"epochs": EPOCHS})
        write_run(runs_dir, own, 0.5 + 0.0001 * (index % 1000))


def measure(count: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        write_runs(Path(folder), count)
        command = [sys.executable, "-m", "vitreport", "report", "--runs-dir", folder]
        earlier = resource.getrusage(resource.RUSAGE_CHILDREN)
        before, begun = earlier.ru_utime + earlier.ru_stime, time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=True)
        seconds = time.perf_counter() - begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = f"{count:,} runs: {seconds:.2f} s ({used.ru_utime + used.ru_stime - before:.2f} s of a processor), "
    return f"{told}{used.ru_maxrss / 1024:.0f} MiB at most, {len(done.stdout) / 1024:,.0f} KiB of Markdown"


if __name__ == "__main__":
    for count in map(int, sys.argv[1:] or ("100", "10000")):
        print(measure(count), flush=True)
