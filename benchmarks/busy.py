"""Images/s of training Perceiver IO on a quiet and on a busy machine, by how long idle threads keep their cores.

    python -m benchmarks.busy [--repeats 5] [--seconds 4]

Each measurement is a process of its own, since OpenMP reads its settings when torch is loaded. Beside it run nothing,
busy loops as a browser would be, or other trainings with the same setting. The settings take turns; figures are
medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.results import write
from vitreport.runtime import SHORT_SPIN, SPIN_VARIABLES

TRAIN = """
import sys, time
import torch
from benchmarks.models import benchmark_spec, random_batch
from vitreport.training.device import set_up_device
from vitreport.training.loop import TrainingState, train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import build_network

device = torch.device("cpu")
set_up_device(device, threads=None)
spec = benchmark_spec("perceiver-io", 128, "float32")
network, batch = build_network(spec), random_batch(spec, device)
state = TrainingState(network, build_optimizer(spec.optimizer, network.parameters()))
for _ in range(3):
    train_step(state, batch.images, batch.labels, spec.train)
begun, steps = time.perf_counter(), 0
while (taken := time.perf_counter() - begun) < float(sys.argv[1]):
    train_step(state, batch.images, batch.labels, spec.train)
    steps += 1
print(steps * 128 / taken)
"""
LOOP = "while True: pass"
FOREVER = "1e9"
BESIDE = {
    "nothing": [],
    "three busy loops": [[LOOP]] * 3,
    "two other trainings": [[TRAIN, FOREVER]] * 2,
}
SETTINGS: dict[str, dict[str, str]] = {
    "OpenMP's default": {},
    "vitreport's": SHORT_SPIN,
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}
START_SECONDS = 10  # until the other trainings train


def environment(setting: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in SPIN_VARIABLES}
    return {**inherited, **setting, "PYTHONPATH": str(Path(__file__).parents[1])}


@contextmanager
def running(programs: list[list[str]], setting: dict[str, str]) -> Iterator[None]:
    own = environment(setting)
    others = [subprocess.Popen([sys.executable, "-c", *words], env=own) for words in programs]
    try:
        time.sleep(START_SECONDS if len(others) and programs[0][0] == TRAIN else 0)
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def images_per_second(seconds: float, setting: dict[str, str]) -> float:
    command = [sys.executable, "-c", TRAIN, str(seconds)]
    return float(subprocess.run(command, env=environment(setting), capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    given = parser.parse_args()
    figures: dict[str, dict[str, list[float]]] = {}
    for beside, programs in BESIDE.items():
        found: dict[str, list[float]] = {name: [] for name in SETTINGS}
        for _ in range(given.repeats):
            for name, setting in SETTINGS.items():
                with running(programs, setting):
                    found[name].append(round(images_per_second(given.seconds, setting), 1))
        figures[beside] = found
        for name, speeds in found.items():
            ratios = [own / plain for own, plain in zip(speeds, found["OpenMP's default"], strict=True)]
            print(f"{beside:<20} {name:<24} {statistics.median(speeds):7.1f} images/s", end="")
            print(f"  x {statistics.median(ratios):.2f} ({min(speeds):.1f} to {max(speeds):.1f})", flush=True)
    print(write("busy", figures))


if __name__ == "__main__":
    main()
