"""Seconds that whole commands take on a warm machine, beside an empty Python process.

python -m benchmarks.startup [--repeats 10] [--records 200]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import results

LIBRARIES = "import torch, perceiver_pytorch"
FIRST_STEP = """
import os, sys
from vitreport.cli import live, main
from vitreport.training.events import StepFinished
live.TrainingView.event = lambda self, event: os._exit(0) if isinstance(event, StepFinished) else None
sys.argv = ["vitreport", *sys.argv[1:]]
main.main()
"""
"""A program that ends at its first step of training."""
RUN = ["train", "perceiver-io", "--dataset=digits", "--set=data.limit=100", "--epochs=1", "--quiet"]


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def make_records(runs_dir: Path, count: int) -> None:
    """Copies of one real record under other seeds."""
    program = [sys.executable, "-m", "vitreport"]
    done = subprocess.run([*program, *RUN, f"--runs-dir={runs_dir}"], check=True, capture_output=True, text=True)
    original = Path(done.stdout.strip())
    files = {path.name: path.read_text() for path in original.iterdir() if path.suffix in (".json", ".jsonl")}
    for number in range(1, count):
        folder = runs_dir / original.name.replace("-s0", f"-s{number}")
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        for name, own in {"run.json": {"id": folder.name}, "spec.json": {"seed": number}}.items():
            (folder / name).write_text(json.dumps(json.loads(files[name]) | own))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--records", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = Path(folder) / "runs"
        make_records(runs_dir, given.records)
        program = [sys.executable, "-m", "vitreport"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            f"python -c '{LIBRARIES}'": [sys.executable, "-c", LIBRARIES],
            "vitreport train, to the first step": [
                *(sys.executable, "-c", FIRST_STEP, *RUN, "--force"),
                f"--runs-dir={runs_dir.with_name('more')}",
            ],
            "vitreport --help": [*program, "--help"],
            f"vitreport runs list ({given.records} records)": [*program, "runs", "list", f"--runs-dir={runs_dir}"],
            "vitreport train (done already)": [*program, *RUN, f"--runs-dir={runs_dir}"],
        }
        measured: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(given.repeats + 1):
            for name, command in commands.items():
                taken = seconds(command)
                if turn > 0:
                    measured[name].append(taken)
    for name, values in measured.items():
        print(f"{name:<45} {statistics.median(values):6.3f} s ({min(values):.3f} to {max(values):.3f})")
    found = {name: round(statistics.median(values), 3) for name, values in measured.items()}
    print(results.write("startup", {"repeats": given.repeats, "median_seconds": found}))


if __name__ == "__main__":
    main()
